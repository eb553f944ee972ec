// The one door to the server: requests in, answers or a Problem out.

/** What went wrong, in words for a person: what was found, and what to do. */
export class Problem extends Error {
  constructor(status, title, remedy = "", found = "") {
    super(title);
    Object.assign(this, { status, title, remedy, found });
  }
}

const KEY = "communique.token";
const PLAIN = {
  401: ["This server asks for a token.", "Enter it, and the page carries on."],
  403: ["The server does not let this page in.", "Open the page under the server's own address."],
  413: ["The text is larger than this server takes.", "Split it, or ask for the server to be started with a larger --max-bytes."],
  422: ["The server could not make sense of the text.", "Check what was pasted."],
  500: ["Something broke in the server.", "Try again; if it stays so, tell whoever runs it."],
  503: ["The server is busy.", "Try again in a moment."],
};

let token = null;

function storage(deed) {
  try {
    return deed(sessionStorage);
  } catch {
    return null; // it may be blocked: then the token lives as long as the page
  }
}

/** Keep a token, for this tab. */
export function setToken(given) {
  token = given;
  storage((kept) => kept.setItem(KEY, given));
}

const pause = (seconds, signal) =>
  new Promise((done, stop) => {
    const timer = setTimeout(done, seconds * 1000);
    signal?.addEventListener("abort", () => (clearTimeout(timer), stop(signal.reason)), { once: true });
  });

async function problem(response) {
  const [title, remedy] = PLAIN[response.status] ?? [`The server answered ${response.status}.`, "Try again."];
  const body = await response.json().catch(() => null); // a proxy answers in HTML
  const word = (name) => (typeof body?.[name] === "string" ? body[name].trim() : "");
  const found = word("found") || word("detail") || word("title");
  const expected = word("expected");
  const advice = word("remedy");
  const sentence = advice && `${advice[0].toUpperCase()}${advice.slice(1)}${/[.!?]$/.test(advice) ? "" : "."}`;
  return new Problem(response.status, title, sentence || remedy, found + (found && expected ? `; expected ${expected}` : ""));
}

/**
 * Ask the server. A busy one (503) is asked again after the time it names, three times at most; `waiting` hears of it.
 * Throws Problem, or the abort reason.
 */
export async function ask(path, { body, signal, waiting } = {}) {
  for (let tries = 0; ; tries += 1) {
    const headers = { accept: "application/json" };
    token ??= storage((kept) => kept.getItem(KEY));
    if (token) headers.authorization = `Bearer ${token}`;
    if (body !== undefined) headers["content-type"] = "application/json";
    let response;
    try {
      response = await fetch(path, {
        method: body === undefined ? "GET" : "POST",
        body: body === undefined ? undefined : JSON.stringify(body),
        headers, signal, cache: "no-store", redirect: "error",
      });
    } catch (reason) {
      if (signal?.aborted) throw reason;
      throw navigator.onLine === false
        ? new Problem(0, "You are offline.", "Your text stays here; try again once you are connected.")
        : new Problem(0, "The server cannot be reached.", "Is it still running? Your text stays here; try again in a moment.");
    }
    if (response.ok) {
      try {
        return await response.json();
      } catch (reason) {
        if (signal?.aborted) throw reason;
        throw new Problem(response.status, "The server's answer broke off.", "Try again.");
      }
    }
    const seconds = Number(response.headers.get("retry-after"));
    if (response.status !== 503 || tries >= 3 || !(seconds >= 0 && seconds <= 60)) throw await problem(response);
    waiting?.(Math.max(1, seconds));
    await pause(Math.max(1, seconds), signal);
  }
}
