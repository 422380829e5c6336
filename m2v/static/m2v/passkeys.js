// Passkeys in the browser: sign in or confirm with one, create one, and tell the browser which still exist.
// The server decides everything; here its question goes to the browser, and the answer back. Both are written as JSON
// by hand: older browsers cannot, and password managers answer with credentials whose toJSON() throws.

const supported = Boolean(window.PublicKeyCredential && navigator.credentials?.create && navigator.credentials.get);
const PAUSE = 1_000; // before autofill is asked again
const STOPPED = 4_000; // by then the next page is there, or somebody stopped it on its way
let waiting = null; // stops what is being asked of the browser; only one question may be open at a time

// --- JSON, whose bytes are base64url (WebAuthn Level 3, section 5.1.8 and 5.1.9) ---

const toBytes = (text) => Uint8Array.from(atob(text.replace(/-/g, "+").replace(/_/g, "/")), (each) => each.charCodeAt(0));

function toText(bytes) {
  if (!(bytes?.byteLength >= 0)) throw new Error("What should be bytes is something else.");
  const view = ArrayBuffer.isView(bytes) ? new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength) : new Uint8Array(bytes);
  const letters = Array.from(view, (each) => String.fromCharCode(each)).join("");
  return btoa(letters).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");
}

const withBytes = (descriptors = []) => descriptors.map((each) => ({ ...each, id: toBytes(each.id) }));

const toRequest = (options) => ({
  ...options,
  challenge: toBytes(options.challenge),
  allowCredentials: withBytes(options.allowCredentials),
});

const toCreation = (options) => ({
  ...options,
  challenge: toBytes(options.challenge),
  user: { ...options.user, id: toBytes(options.user.id) },
  excludeCredentials: withBytes(options.excludeCredentials),
});

function toJson(credential) {
  const { response } = credential;
  const parts = { clientDataJSON: toText(response.clientDataJSON) };
  if (response.attestationObject) {
    parts.attestationObject = toText(response.attestationObject);
    parts.transports = transportsOf(response);
  } else {
    parts.authenticatorData = toText(response.authenticatorData);
    parts.signature = toText(response.signature);
    if (response.userHandle?.byteLength) parts.userHandle = toText(response.userHandle);
  }
  const id = toText(credential.rawId);
  return { id, rawId: id, type: "public-key", response: parts, clientExtensionResults: {} };
}

function transportsOf(response) {
  try {
    return [...response.getTransports()];
  } catch {
    return []; // how it can be reached is good to know, no more
  }
}

// --- The server's side ---

async function post(address, body, signal) {
  const token = document.querySelector("[name=csrfmiddlewaretoken]").value;
  const headers = { "Content-Type": "application/json", Accept: "application/json", "X-CSRFToken": token };
  let response, text;
  try {
    response = await fetch(address, { method: "POST", headers, body: JSON.stringify(body), signal });
    text = await response.text();
  } catch (trouble) {
    throw Object.assign(new Error("The request failed."), { name: trouble?.name, unreachable: !signal?.aborted });
  }
  let answer = {};
  try {
    answer = JSON.parse(text) ?? {};
  } catch {
    if (response.ok) throw new Error("This is no answer.");
  }
  if (response.ok) return answer;
  throw Object.assign(new Error(answer.message), { answer, refused: response.status < 500 });
}

// --- The browser's side ---

async function use(box, mediation, signal) {
  const options = await post("/passkeys/authentication/options/", {}, signal);
  const asked = navigator.credentials.get({ publicKey: toRequest(options), mediation, signal });
  const credential = await inTime(asked, options);
  try {
    return await post("/passkeys/authentication/", { credential: toJson(credential), next: box.dataset.next });
  } catch (trouble) {
    if (trouble.answer?.error === "unknown_passkey") forget(options.rpId, credential);
    throw Object.assign(trouble, { given: Boolean(credential) });
  }
}

async function create(box) {
  const options = await post("/passkeys/registration/options/", {});
  const asked = navigator.credentials.create({ publicKey: toCreation(options) });
  const credential = await inTime(asked, options, (late) => forget(options.rp.id, late));
  let answer;
  try {
    answer = toJson(credential);
  } catch (trouble) {
    forget(options.rp.id, credential); // it was made, and can never come here
    throw trouble;
  }
  try {
    return await post("/passkeys/registration/", { credential: answer, next: box.dataset.next });
  } catch (trouble) {
    if (trouble.refused) forget(options.rp.id, credential);
    throw trouble;
  }
}

// A manager may never answer. A browser stops by itself when the question is too old; here it is not waited for longer.
async function inTime(asked, { timeout }, whenLate = () => {}) {
  let clock;
  const late = new Promise((_, reject) => {
    const end = () => reject(Object.assign(new Error("It took too long."), { name: "NotAllowedError", late: true }));
    clock = setTimeout(end, timeout + PAUSE);
  });
  try {
    return await Promise.race([asked, late]);
  } catch (trouble) {
    if (trouble?.late) Promise.resolve(asked).then(whenLate, () => {});
    throw trouble;
  } finally {
    clearTimeout(clock);
  }
}

// What is not known here must not stay behind in a password manager.
function forget(rpId, credential) {
  if (typeof credential?.id === "string") tellBrowser("signalUnknownCredential", { rpId, credentialId: credential.id });
}

// The browser's list is a convenience: nothing depends on it, and nothing waits for it, for it may never answer.
async function tellBrowser(method, details) {
  try {
    await PublicKeyCredential[method]?.(details);
  } catch {
    // Nor does it matter that it did not work.
  }
}

// --- The page ---

// What went wrong, in the page's own words (it brings them, translated, in data attributes).
function sentence(box, trouble) {
  if (trouble?.answer?.message) return trouble.answer.message;
  if (trouble?.unreachable) return box.dataset.offline;
  if (trouble?.name === "InvalidStateError") return box.dataset.registered;
  if (trouble?.name === "NotAllowedError" || trouble?.name === "AbortError") return box.dataset.cancelled;
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

function go({ next }) {
  if (typeof next !== "string") throw new Error("The answer leads nowhere.");
  location.assign(next);
}

async function press(box, button) {
  const { signal } = begin();
  button.disabled = true;
  box.querySelector("[data-trouble]").hidden = true;
  try {
    go(box.dataset.passkey === "create" ? await create(box) : await use(box, "optional", signal));
    setTimeout(() => (button.disabled = false), STOPPED);
  } catch (trouble) {
    button.disabled = false;
    if (trouble?.answer?.next) return location.assign(trouble.answer.next);
    show(box, sentence(box, trouble));
    button.focus();
    offerAgain(box, signal);
  }
}

// The browser offers passkeys while the user name is filled in. The question is good for five minutes, so it is
// asked anew before that, as long as somebody may be looking at the page; of many tabs, the one in front asks.
async function offer(box) {
  const { signal } = begin();
  if (document.hidden) {
    document.addEventListener("visibilitychange", () => signal.aborted || offer(box), { once: true });
    return;
  }
  try {
    if (!(await PublicKeyCredential.isConditionalMediationAvailable?.()) || signal.aborted) return;
    setTimeout(() => signal.aborted || offer(box), 240_000);
    go(await use(box, "conditional", signal));
  } catch (trouble) {
    // Unless somebody chose a passkey, nobody pressed anything: that the question was not given is of no interest.
    const known = trouble?.answer && trouble.answer.error !== "too_many";
    if (trouble?.given || known) show(box, sentence(box, trouble));
    if (trouble?.given && trouble.answer) offerAgain(box, signal);
  }
}

const offerAgain = (box, signal) => "autofill" in box.dataset && setTimeout(() => signal.aborted || offer(box), PAUSE);

document.addEventListener("submit", () => waiting?.abort());
for (const box of document.querySelectorAll("[data-passkey]")) {
  const button = box.querySelector("[data-passkey-button]");
  if (button.disabled) continue; // the page says why
  if (!supported) {
    button.disabled = true;
    box.querySelector("[data-unsupported]").hidden = false;
    continue;
  }
  button.addEventListener("click", () => press(box, button));
  window.addEventListener("pageshow", (event) => event.persisted && (button.disabled = false));
  if ("autofill" in box.dataset) {
    offer(box);
    window.addEventListener("pageshow", (event) => event.persisted && offer(box));
  }
}

const tell = () => {
  const list = document.querySelector("[data-signals]");
  if (!list || !supported) return;
  const { name, displayName, ...accepted } = JSON.parse(list.dataset.signals);
  const rpId = list.dataset.rpId;
  tellBrowser("signalAllAcceptedCredentials", { rpId, ...accepted });
  tellBrowser("signalCurrentUserDetails", { rpId, userId: accepted.userId, name, displayName });
};
document.addEventListener("m2v:swapped", tell);
tell();
