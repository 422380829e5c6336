// Passkeys in the browser: sign in or confirm with one, create one, and tell the browser which still exist.
// The server decides everything; here its question goes to the browser, and the answer back.

const supported = Boolean(window.PublicKeyCredential?.parseRequestOptionsFromJSON);
let waiting = null; // stops what is being asked of the browser; only one question may be open at a time

async function post(address, body, signal) {
  const token = document.querySelector("[name=csrfmiddlewaretoken]").value;
  const response = await fetch(address, {
    method: "POST",
    headers: { "Content-Type": "application/json", Accept: "application/json", "X-CSRFToken": token },
    body: JSON.stringify(body),
    signal,
  });
  let answer = {};
  try {
    answer = await response.json();
  } catch {
    // An answer without words: the sentence for trouble on the way is shown.
  }
  if (response.ok) return answer;
  throw Object.assign(new Error(answer.message), { answer });
}

async function use(box, mediation, signal) {
  const options = await post("/passkeys/authentication/options/", {}, signal);
  const credential = await navigator.credentials.get({
    publicKey: PublicKeyCredential.parseRequestOptionsFromJSON(options),
    mediation,
    signal,
  });
  try {
    return await post("/passkeys/authentication/", { credential: credential.toJSON(), next: box.dataset.next });
  } catch (trouble) {
    if (trouble.answer?.error === "unknown_passkey") {
      await tellBrowser("signalUnknownCredential", { rpId: options.rpId, credentialId: credential.id });
    }
    throw trouble;
  }
}

async function create() {
  const options = await post("/passkeys/registration/options/", {});
  const credential = await navigator.credentials.create({
    publicKey: PublicKeyCredential.parseCreationOptionsFromJSON(options),
  });
  return post("/passkeys/registration/", { credential: credential.toJSON() });
}

async function tellBrowser(method, details) {
  try {
    await PublicKeyCredential[method]?.(details);
  } catch {
    // The browser's list is a convenience; nothing depends on it.
  }
}

// What went wrong, in the page's own words (it brings them, translated, in data attributes).
function sentence(box, trouble) {
  if (trouble.answer?.message) return trouble.answer.message;
  if (trouble.name === "InvalidStateError") return box.dataset.registered;
  if (trouble.name === "NotAllowedError" || trouble.name === "AbortError") return box.dataset.cancelled;
  if (trouble instanceof TypeError) return box.dataset.offline;
  return box.dataset.failed;
}

function show(box, words) {
  const place = box.querySelector("[data-trouble]");
  place.querySelector("span").textContent = words;
  place.hidden = false;
}

// Nothing of it goes on once the person goes another way: a late answer would bring an older session's cookie, and
// throw out who has just signed in.
function begin() {
  waiting?.abort();
  return (waiting = new AbortController());
}

async function press(box, button) {
  const { signal } = begin();
  button.disabled = true;
  box.querySelector("[data-trouble]").hidden = true;
  try {
    const { next } = box.dataset.passkey === "create" ? await create() : await use(box, "optional", signal);
    location.assign(next);
  } catch (trouble) {
    if (trouble.answer?.next) location.assign(trouble.answer.next);
    else show(box, sentence(box, trouble));
    button.disabled = false;
    button.focus();
  }
}

// The browser offers passkeys while the user name is filled in. The question is good for five minutes, so it is
// asked anew before that, as long as somebody may be looking at the page; of many tabs, the one in front asks.
async function offer(box) {
  const { signal } = begin();
  if (document.hidden) {
    document.addEventListener("visibilitychange", () => offer(box), { once: true });
    return;
  }
  if (!(await PublicKeyCredential.isConditionalMediationAvailable?.())) return;
  setTimeout(() => signal.aborted || offer(box), 240_000);
  try {
    const { next } = await use(box, "conditional", signal);
    location.assign(next);
  } catch (trouble) {
    // Nobody pressed anything: that the question was not given is of no interest.
    if (trouble.answer && trouble.answer.error !== "too_many") show(box, sentence(box, trouble));
  }
}

document.addEventListener("submit", () => waiting?.abort());
for (const box of document.querySelectorAll("[data-passkey]")) {
  const button = box.querySelector("[data-passkey-button]");
  if (!supported) {
    button.disabled = true;
    box.querySelector("[data-unsupported]").hidden = false;
    continue;
  }
  button.addEventListener("click", () => press(box, button));
  if ("autofill" in box.dataset) {
    offer(box);
    window.addEventListener("pageshow", (event) => event.persisted && offer(box));
  }
}

const tell = async () => {
  const list = document.querySelector("[data-signals]");
  if (!list || !supported) return;
  const { name, displayName, ...accepted } = JSON.parse(list.dataset.signals);
  const rpId = list.dataset.rpId;
  await tellBrowser("signalAllAcceptedCredentials", { rpId, ...accepted });
  await tellBrowser("signalCurrentUserDetails", { rpId, userId: accepted.userId, name, displayName });
};
document.addEventListener("m2v:swapped", tell);
tell();
