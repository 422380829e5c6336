// The session's end: said a minute before, put off by a button, and followed. The server decides; here it is only shown.
// The clock is looked at every second, so that a laptop that slept learns at once what it missed.

const dialog = document.getElementById("session-ends");
const find = (what) => dialog.querySelector(what);
const others = new BroadcastChannel("m2v-session"); // the same person's other tabs
const WAIT = 5_000; // between two questions to a server that does not answer

let idle, overall, warning; // two moments, and the seconds between warning and end
let answered = Promise.resolve(); // one question after the other, none dropped
let askedAt = 0;
let sure = false; // is what we know what the server said since the end came near?
let told = false; // of the overall end, which nothing puts off
let said = Infinity; // the last number of seconds that was read out

const learn = (left) => {
  idle = Date.now() + left.idle * 1000;
  overall = Date.now() + left.overall * 1000;
  warning = Number(left.warning);
};

const end = () => Math.min(idle, overall);
const left = () => Math.max(0, Math.ceil((end() - Date.now()) / 1000));

const goToLogin = () => {
  const here = location.pathname + location.search;
  document.dispatchEvent(new Event("m2v:session-over"));
  location.replace(`${dialog.dataset.login}?next=${encodeURIComponent(here)}`);
};

const ask = (method) => {
  askedAt = Date.now();
  return (answered = answered.then(() => send(method)));
};

async function send(method) {
  try {
    const token = find("[name=csrfmiddlewaretoken]").value;
    const headers = { Accept: "application/json", ...(method === "POST" && { "X-CSRFToken": token }) };
    const response = await fetch(dialog.dataset.session, {
      method,
      headers,
      cache: "no-store",
      signal: AbortSignal.timeout(2 * WAIT),
    });
    if (response.status === 401) return goToLogin();
    if (!response.ok) throw new Error(response.status);
    learn(await response.json());
    sure = true;
    find("[data-trouble]").hidden = true;
    if (method === "POST") others.postMessage("stayed");
  } catch {
    find("[data-trouble]").hidden = method === "GET";
  }
}

const show = () => {
  const last = overall <= idle;
  for (const part of dialog.querySelectorAll("[data-when]")) part.hidden = (part.dataset.when === "overall") !== last;
  const seconds = left();
  find("[data-seconds]").textContent = seconds;
  if (!dialog.open) {
    find("[data-said]").textContent = "";
    said = Infinity;
    dialog.showModal();
    find(last ? "[data-go-on]" : "[data-stay]").focus();
  }
  const mark = [10, 30].find((each) => seconds <= each);
  if (mark < said) {
    said = mark;
    find("[data-said]").textContent = find("[role=timer]").textContent;
  }
};

const look = () => {
  const seconds = left();
  if (seconds > warning) {
    sure = told = false;
    if (dialog.open) dialog.close();
  } else if (seconds === 0 || !sure) {
    if (Date.now() - askedAt >= WAIT) ask("GET").then(() => sure && left() > 0 && look());
  } else if (!(told && overall <= idle)) {
    show();
  }
};

const stay = async () => {
  await ask("POST");
  look();
};

const goOn = () => {
  told = true;
  dialog.close();
};

if (dialog) {
  learn(dialog.dataset);
  setInterval(look, 1_000);
  find("[data-stay]").addEventListener("click", stay);
  find("[data-go-on]").addEventListener("click", goOn);
  dialog.addEventListener("cancel", (event) => {
    event.preventDefault();
    if (overall <= idle) goOn();
    else stay();
  });
  // Another tab stayed, or this page is looked at again, perhaps after a sign-out elsewhere: ask how it stands.
  others.addEventListener("message", () => ask("GET").then(look));
  window.addEventListener("pageshow", (event) => event.persisted && ask("GET").then(look));
  document.addEventListener("visibilitychange", () => document.hidden || ask("GET").then(look));
}
