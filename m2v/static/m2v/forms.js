// Small help with forms: six digits send themselves, a form is sent once, codes can be copied, saved and printed.

// A recovery code that was made earlier may begin with six digits, so typed ones wait for what comes next; pasted and
// filled-in ones do not. After four characters, a dash belongs to a recovery code.
const without = /[\s\p{Cf}\p{Pd}\u2212]/gu;
for (const field of document.querySelectorAll("input[data-code]")) {
  let before = "";
  let waiting = 0;
  const send = () => field.form.requestSubmit();
  field.addEventListener("input", () => {
    clearTimeout(waiting);
    const shown = field.value.normalize("NFKC").replace(/[\s\p{Cf}]/gu, "");
    const code = shown.replace(without, "");
    if (/^[0-9]{6}$/.test(code) && !/^[0-9]{4}[^0-9]/.test(shown)) {
      if (code.length - before.length > 1) send();
      else waiting = setTimeout(send, 700);
    }
    before = code;
  });
  field.form.addEventListener("submit", () => clearTimeout(waiting));
}

// Whoever stops the browser on the way can send it again: nothing tells a page that it was stopped.
const PAUSE = 4_000;
for (const form of document.querySelectorAll("form[method=post]:not([data-files])")) {
  form.addEventListener("submit", (event) => {
    if (form.dataset.sent) event.preventDefault();
    if (event.defaultPrevented) return;
    form.dataset.sent = "yes";
    setTimeout(() => delete form.dataset.sent, PAUSE);
  });
}
window.addEventListener("pageshow", () => {
  for (const form of document.querySelectorAll("form[data-sent]")) delete form.dataset.sent;
});

// A password can be looked at before it is sent; on its way it is hidden again, for the browser's own keeping.
for (const button of document.querySelectorAll("button[data-shows]")) {
  const field = document.getElementById(button.dataset.shows);
  const show = (shown) => {
    field.type = shown ? "text" : "password";
    button.setAttribute("aria-pressed", shown);
  };
  button.hidden = false;
  button.addEventListener("click", () => show(field.type === "password"));
  field.form.addEventListener("submit", () => show(false));
}

// A form that came back is gone on with at the first field that is wrong.
if (document.activeElement === document.body) document.querySelector("form[method=post] [aria-invalid=true]")?.focus();

// What was typed in a form is not lost without a word: the first step away from it is held back, and may be taken still.
const unsaved = document.getElementById("unsaved");
const typed = document.querySelector("form[data-typed]");
if (unsaved && typed) {
  const field = (one) => (one.type === "checkbox" || one.type === "radio" ? one.checked : one.value);
  const before = new Map([...typed.elements].map((one) => [one, field(one)]));
  const refused = typed.querySelector("[aria-invalid=true]") !== null; // it came back as it was typed, unsaved
  const changed = () => refused || [...before].some(([one, value]) => field(one) !== value);
  let let_go = false;
  let go_on = null;
  const hold = (event, again) => {
    if (let_go || !changed()) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    go_on = again;
    unsaved.hidden = false;
    unsaved.classList.add("note", "wait");
    unsaved.setAttribute("role", "alert");
    document.querySelector(":popover-open")?.hidePopover();
    unsaved.querySelector("button").focus();
    unsaved.scrollIntoView({ block: "nearest" });
  };
  document.addEventListener("click", (event) => {
    const link = event.target.closest?.("a[href]");
    const plain = event.button === 0 && !event.ctrlKey && !event.metaKey && !event.shiftKey;
    if (plain && link?.closest("form[data-typed] > footer")) let_go = true; // "Cancel" says it itself
    if (link && plain && !link.target && !link.getAttribute("href").startsWith("#")) hold(event, () => link.click());
  }, true);
  document.addEventListener("submit", (event) => {
    const { target, submitter } = event;
    if (target !== typed) hold(event, () => target.requestSubmit(submitter));
  }, true);
  // Back, another address, a closed tab: the browser asks, in its own words, once something was typed.
  const ask = (event) => {
    if (!let_go && !typed.dataset.sent && changed()) event.preventDefault();
  };
  if (refused) window.addEventListener("beforeunload", ask);
  typed.addEventListener("input", () => window.addEventListener("beforeunload", ask));
  document.addEventListener("m2v:session-over", () => (let_go = true)); // the page must go
  unsaved.querySelector("[data-stay]")?.addEventListener("click", () => {
    unsaved.hidden = true;
    typed.querySelector(".input").focus();
  });
  unsaved.querySelector("[data-leave]").addEventListener("click", () => {
    let_go = true;
    go_on();
  });
}

// A form that was interrupted goes on by itself.
document.querySelector("form[data-goes-on]")?.requestSubmit();

const text = (button) => {
  const source = document.getElementById(button.dataset.from);
  const lines = source.querySelectorAll("li");
  return lines.length ? [...lines].map((line) => line.textContent.trim()).join("\n") : source.textContent.replace(/\s/g, "");
};

const say = (button, words) => {
  const place = button.parentElement.querySelector("[data-said]");
  place.textContent = words;
  setTimeout(() => (place.textContent = ""), 4000);
};

for (const button of document.querySelectorAll("button[data-copy]")) {
  button.addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(text(button));
      say(button, button.dataset.copy);
    } catch {
      getSelection().selectAllChildren(document.getElementById(button.dataset.from));
    }
  });
}

for (const button of document.querySelectorAll("button[data-download]")) {
  button.addEventListener("click", () => {
    const head = document.querySelector(".for-print")?.textContent.trim() ?? "";
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([`${head}\n\n${text(button)}\n`], { type: "text/plain" }));
    link.download = button.dataset.download;
    link.click();
    URL.revokeObjectURL(link.href);
  });
}

for (const button of document.querySelectorAll("button[data-print]")) {
  button.addEventListener("click", () => print());
}
