// Windows and menus. A window is a page of its own that comes with its dialog open; here it is lifted above the page.

// What htmx swaps in is HTML of our own; scripts in it never run.
const policy = window.trustedTypes?.createPolicy("m2v", { createHTML: (html) => html, createScript: () => "" });
if (policy) window.htmx?.registerExtension("trust", { init: (api) => api.initSecurity(policy) });

let opener = null; // the menu button that a window was opened from, to go back to
let within = null; // what in the window a confirmation was opened from, to go back to where it is cancelled
let cancelled = false;

const leave = (dialog) => (opener ? history.back() : location.assign(dialog.dataset.close));

const lift = () => {
  for (const dialog of document.querySelectorAll("dialog[data-close][open]:not(:modal)")) {
    dialog.removeAttribute("open");
    dialog.showModal();
    dialog.addEventListener("cancel", (event) => {
      event.preventDefault();
      const back = dialog.querySelector("[data-back]");
      if (back) back.click();
      else leave(dialog);
    });
    dialog.addEventListener("click", (event) => {
      if (event.target === dialog && !dialog.querySelector("[data-back]")) leave(dialog);
    });
    dialog.querySelector("form[data-closes]")?.addEventListener("submit", (event) => {
      event.preventDefault();
      leave(dialog);
    });
  }
};

document.addEventListener("htmx:before:request", (event) => {
  if (event.detail.ctx.request.headers["HX-History-Restore-Request"]) return;
  const link = event.target;
  if (link.closest?.("#window")) {
    cancelled = link.querySelector("[data-back]") !== null;
    if (!cancelled) within = link.matches("a") ? `a[href="${link.getAttribute("href")}"]` : `[action="${link.getAttribute("action")}"] button`;
    return;
  }
  const menu = link.closest?.("[popover]");
  if (menu) {
    opener = `[popovertarget="${menu.id}"]`;
    menu.hidePopover();
  } else if (link.getAttribute?.("hx-push-url")) {
    opener = `[href="${link.getAttribute("href")}"]`;
  }
});

document.addEventListener("htmx:after:swap", () => {
  lift();
  document.dispatchEvent(new Event("m2v:swapped"));
  if (opener && !document.querySelector("dialog[open]")) {
    document.querySelector(opener)?.focus();
    opener = null;
  }
  if (cancelled) document.querySelector(`#window ${within}`)?.focus();
  cancelled = false;
});

// A list has many menus: what their entries open is told to htmx when one of them opens. Rows of people, which are to weigh
// little, do not mark theirs.
const OPENS = "a[data-opens], .list .menu > a:is([href*='/mfa/'], [href*='/sign-out/'])";
document.addEventListener(
  "beforetoggle",
  ({ target }) => {
    for (const link of target.querySelectorAll(OPENS)) {
      if (link.hasAttribute("hx-get")) continue;
      link.setAttribute("hx-get", link.getAttribute("href"));
      link.setAttribute("hx-target", "#window");
      link.setAttribute("hx-push-url", "true");
      window.htmx?.process(link);
    }
  },
  true,
);

// Somebody else was quicker, or the server is in trouble: show what is there now.
document.addEventListener("htmx:response:error", (event) => {
  const status = event.detail.ctx.response?.raw?.status ?? 0;
  if (status === 404 || status >= 500) location.reload();
});

// A menu is walked with the arrow keys too.
document.addEventListener("keydown", (event) => {
  const menu = event.target.closest?.(".menu:popover-open");
  const button = event.target.closest?.("[popovertarget]");
  const down = event.key === "ArrowDown";
  if (!down && event.key !== "ArrowUp") return;
  if (button && down) {
    const target = document.getElementById(button.getAttribute("popovertarget"));
    target.showPopover({ source: button });
    target.querySelector("a, button")?.focus();
    event.preventDefault();
  } else if (menu) {
    const entries = [...menu.querySelectorAll("a, button")];
    const step = down ? 1 : -1;
    entries.at((entries.indexOf(document.activeElement) + step) % entries.length).focus();
    event.preventDefault();
  }
});

lift();

// Rows that are ticked are counted; the box above them ticks all that are shown.
const ticked = () => document.querySelectorAll("input[form=bulk][name=who]");
const count = () => {
  const boxes = [...ticked()];
  const number = boxes.filter((box) => box.checked).length;
  const all = document.querySelector("[data-everybody]");
  const said = document.querySelector("[data-selected]");
  if (all) {
    all.hidden = false;
    all.checked = number === boxes.length;
    all.indeterminate = number > 0 && !all.checked;
  }
  if (said) {
    said.hidden = !number;
    said.textContent = said.dataset.selected.replace("0", number);
  }
};
document.addEventListener("change", ({ target }) => {
  if (target.matches("[data-everybody]")) for (const box of ticked()) box.checked = target.checked;
  if (target.matches("[data-everybody], input[form=bulk]")) count();
});
document.addEventListener("reset", () => setTimeout(count)); // once the boxes are empty
window.addEventListener("pageshow", count);
document.addEventListener("htmx:after:swap", count);

// The page stays as it is under a file that comes: the menu that it was chosen from closes, and another can be taken.
document.addEventListener("submit", ({ target }) => {
  if (target.matches("form[data-files]")) target.closest("[popover]").hidePopover();
});
