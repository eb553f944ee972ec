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
  404: ["The server does not have what was asked for.", "Reload the page; a model may have been taken away."],
  408: ["The server waited too long for the text.", "Try again on a better connection."],
  413: ["The text is larger than this server takes.", "Split it, or ask for the server to be started with a larger --max-bytes."],
  415: ["The server does not read this kind of file.", "Save it as plain text, Markdown or HTML."],
  422: ["The server could not make sense of the text.", "Check what was pasted."],
  429: ["The server was asked too often.", "Wait a moment and try again."],
  500: ["Something broke in the server.", "Try again; if it stays so, tell whoever runs it."],
  502: ["The server behind this address does not answer.", "Try again in a moment."],
  503: ["The server is busy.", "Try again in a moment."],
  504: ["The server took too long.", "Try again, or with a shorter text."],
};

function keep(token) {
  try {
    if (token === undefined) return sessionStorage.getItem(KEY);
    sessionStorage.setItem(KEY, token);
  } catch {
    keep.spare = token ?? keep.spare; // storage may be blocked: then the token lives as long as the page
  }
  return keep.spare ?? null;
}

export const setToken = keep;

const pause = (seconds, signal) =>
  new Promise((done, stop) => {
    const timer = setTimeout(done, seconds * 1000);
    signal?.addEventListener("abort", () => (clearTimeout(timer), stop(signal.reason)), { once: true });
  });

async function problem(response) {
  const [title, remedy] = PLAIN[response.status] ?? [`The server answered ${response.status}.`, "Try again."];
  let body = {};
  try {
    if (/json/.test(response.headers.get("content-type") ?? "")) body = await response.json();
  } catch {
    // a broken answer has nothing to add
  }
  const word = (value) => (typeof value === "string" ? value : "");
  const found = word(body?.found) || word(body?.detail) || word(body?.title);
  const expected = word(body?.expected);
  const advice = word(body?.remedy).trim();
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
    const token = keep();
    if (token) headers.authorization = `Bearer ${token}`;
    if (body !== undefined) headers["content-type"] = "application/json";
    let response;
    try {
      response = await fetch(path, {
        method: body === undefined ? "GET" : "POST",
        body: body === undefined ? undefined : JSON.stringify(body),
        headers, signal, cache: "no-store", credentials: "same-origin", redirect: "error", referrerPolicy: "no-referrer",
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
