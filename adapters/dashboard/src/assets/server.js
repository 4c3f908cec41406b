// Talking to the server: with the key of this tab, if it has one.

const byId = (id) => document.getElementById(id);
const KEY = "key";

class KeyWanted extends Error {}

class Problem extends Error {
  constructor(status, told) {
    super(told.detail || `the server answered ${status}`);
    this.status = status;
    this.issues = told.errors || [];
  }
}

function askForKey() {
  const has = sessionStorage.getItem(KEY) !== null;
  byId("key-note").textContent = has ? "The server does not accept this key." : "The server asks for a key.";
  showKeyForm(true);
  byId("key").focus();
}

function showKeyForm(shown) {
  byId("key-form").hidden = !shown;
  byId("key-button").setAttribute("aria-expanded", String(shown));
}

// The answer of the server, if it is one of success.
async function ask(path, options = {}) {
  const key = sessionStorage.getItem(KEY);
  const headers = { ...options.headers, ...(key ? { Authorization: `Bearer ${key}` } : {}) };
  const answer = await fetch(path, { cache: "no-store", ...options, headers });
  if (answer.status === 401) {
    askForKey();
    throw new KeyWanted("the server asks for a key");
  }
  if (!answer.ok) {
    const told = await answer.json().catch(() => ({}));
    throw new Problem(answer.status, told);
  }
  return answer;
}

const askText = async (path) => (await ask(path)).text();

// Says what is wrong, or nothing any more.
function say(text) {
  const note = byId("note");
  if (note.textContent !== text) note.textContent = text;
  note.hidden = text === "";
}

// Does something, and says what was wrong with it.
async function attempt(work) {
  try {
    await work();
    say("");
    return true;
  } catch (error) {
    if (error instanceof KeyWanted || error.name === "AbortError") return false;
    const places = (error.issues || []).map((issue) => `${issue.pointer} ${issue.detail}`).join("; ");
    say(error instanceof Problem ? `${error.message}${places ? ` (${places})` : ""}` : `The server cannot be reached: ${error.message}.`);
    return false;
  }
}

// What is asked for while it is done is done once more, and no more often.
function collapsed(work) {
  let isBusy = false;
  let isWanted = false;
  return async () => {
    isWanted = true;
    if (isBusy) return;
    isBusy = true;
    try {
      while (isWanted) {
        isWanted = false;
        await work();
      }
    } finally {
      isBusy = false;
    }
  };
}

// What has moved is asked for at once, and once more when the database of metrics has surely been told, which takes up to two seconds.
const TOLD_AFTER_MS = 2500;
function twice(work) {
  let later = 0;
  return () => {
    clearTimeout(later);
    later = setTimeout(work, TOLD_AFTER_MS);
    return work();
  };
}

// Puts a fragment of the server into its place, where it differs; what had the focus has it again.
const shown = new WeakMap();
function put(element, html) {
  element.removeAttribute("aria-busy");
  if (shown.get(element) === html) return false;
  shown.set(element, html);
  keepingFocus(element, () => { element.innerHTML = html; });
  return true;
}

function keepingFocus(element, change) {
  const focused = element.contains(document.activeElement) ? document.activeElement : null;
  const told = focused && ["id", "href", "data-action", "data-cancel", "data-next", "class"].find((name) => focused.hasAttribute(name));
  const selector = told && `${focused.localName}[${told}="${CSS.escape(focused.getAttribute(told))}"]`;
  change();
  if (selector) document.querySelector(selector)?.focus();
}

// Server-sent events, with the key: `EventSource` can send none.
async function follow(path, signal, tell) {
  const answer = await ask(path, { signal, headers: { Accept: "text/event-stream" } });
  if (answer.status === 204) return;
  const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    rest = (rest + value).replaceAll("\r\n", "\n");
    for (let end = rest.indexOf("\n\n"); end >= 0; end = rest.indexOf("\n\n")) {
      let type = "message";
      const data = [];
      for (const line of rest.slice(0, end).split("\n")) {
        if (line.startsWith("event:")) type = line.slice(6).trim();
        if (line.startsWith("data:")) data.push(line.slice(5).trim());
      }
      rest = rest.slice(end + 2);
      if (data.length > 0) tell(type, data.join("\n"));
    }
  }
}

const pause = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));

// Tells of what moves for as long as the page is there; begins again after a break.
let watching = null;
async function watch(begin, tell) {
  watching?.abort();
  const mine = new AbortController();
  watching = mine;
  let wait = 1000;
  while (!mine.signal.aborted) {
    const isDone = await attempt(async () => {
      await begin();
      await follow("/dashboard/events", mine.signal, (type, data) => {
        if (type !== "moved") return;
        byId("live").textContent = "live";
        wait = 1000;
        tell(JSON.parse(data));
      });
    });
    if (mine.signal.aborted || (!isDone && !byId("key-form").hidden)) break;
    byId("live").textContent = "connecting …";
    await pause(wait);
    wait = Math.min(wait * 2, 15000);
  }
}
