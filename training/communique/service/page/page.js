// The page: what is on it, what a person does with it, and what follows.

import { drawArticle, who } from "./article.js";
import { breathe, count, day, find, make, percent } from "./element.js";
import { dress, look, stack, swatch, undress } from "./labels.js";
import { lines, looksLikeArticle, spansToUnits } from "./offsets.js";
import { showPanel } from "./panel.js";
import { ask, Problem, setToken } from "./server.js";
import { copy, download, pack, toCsv, unpack } from "./sharing.js";
import { answer, drawSpeakers, speakerOf, tally } from "./speakers.js";

const BATCH = 500;
const CHARACTERS = 400_000;
const LARGE = 300_000;
const LONG_LINK = 8_000;
const FILES = /\.(txt|text|md|markdown|html?)$/i;

const state = { models: [], corrections: false, cards: new Map(), files: [], documents: [], statements: [], labels: [], answered: [null, null], filter: null, selected: null, work: null };

const say = (text) => {
  find("live").textContent = "";
  setTimeout(() => (find("live").textContent = text), 40);
};

// ---- trouble, waiting, the token

/** Show what went wrong, or another message; where to do the `deed` once more can help, a button offers it. */
function show(trouble, deed, name = "Try again") {
  const home = find("trouble");
  home.replaceChildren();
  if (!trouble) return;
  home.append(make("div", { class: "loud trouble" },
    make("p", {}, make("b", {}, trouble.message), " ", trouble.remedy ?? ""),
    trouble.found && make("p", { class: "hint", dir: "auto" }, trouble.found),
    make("p", { class: "row" },
      deed && ![413, 422].includes(trouble.status) && make("button", { type: "button", on: { click: () => (show(null), deed()) } }, name),
      make("button", { type: "button", class: "plain", on: { click: () => show(null) } }, "Put away"))));
  home.scrollIntoView({ block: "nearest" });
}

function wait(text) {
  find("busy").hidden = text === null;
  find("busy-text").textContent = text ?? "";
  find("main").setAttribute("aria-busy", String(text !== null));
  find("read").disabled = text !== null;
}

const askForToken = (again) =>
  new Promise((done) => {
    const dialog = find("token");
    find("token-hint").textContent = `${again ? "That token was not taken." : "Whoever runs it can tell you."} It is kept until this tab is closed.`;
    find("token-field").value = "";
    dialog.returnValue = "";
    find("token-form").onsubmit = () => (dialog.returnValue = "given");
    find("token-cancel").onclick = () => dialog.close("");
    dialog.onclose = () => {
      const given = dialog.returnValue === "given" && find("token-field").value.trim();
      if (given) setToken(given);
      done(Boolean(given));
    };
    dialog.showModal();
  });

/** Ask the server, and for the token where it wants one. */
async function call(path, options = {}) {
  for (let again = false; ; again = true) {
    try {
      return await ask(path, { waiting: (seconds) => wait(`The server is busy; trying again in ${seconds} s …`), ...options });
    } catch (trouble) {
      if (trouble.status !== 401 || !(await askForToken(again))) throw trouble;
    }
  }
}

/** Begin work that the next work, or the person, stops. */
async function work(deed) {
  state.work?.abort();
  const control = new AbortController();
  state.work = control;
  const going = () => state.work === control && !control.signal.aborted;
  show(null);
  try {
    await deed(control.signal, going);
  } catch (trouble) {
    if (!going()) return;
    show(trouble instanceof Problem ? trouble : new Problem(0, "The page stumbled over the answer.", "Reload it and try again.", String(trouble.message)), () => work(deed));
  } finally {
    if (state.work === control) {
      state.work = null;
      wait(null);
    }
  }
}

// ---- models

const nameOf = (model) => (state.models.filter(({ name }) => name === model.name).length > 1 ? `${model.name}@${model.version}` : model.name);

async function card(name, signal) {
  if (!state.cards.has(name)) state.cards.set(name, await call(`v1/models/${name.split("@").map(encodeURIComponent).join("@")}`, { signal }));
  return state.cards.get(name);
}

const codebookOf = (name) => state.cards.get(name)?.codebook ?? { labels: (state.models.find((model) => nameOf(model) === name)?.labels ?? []).map((label) => ({ name: label })) };

const loadModels = () =>
  work(async (signal) => {
    const { models, default: first, corrections } = await call("v1/models", { signal });
    Object.assign(state, { models, corrections: corrections === true });
    const names = models.map(nameOf);
    const wanted = find("model").value || names.find((name) => name === first || name.startsWith(`${first}@`)) || names[0];
    find("model").replaceChildren(...names.map((name) => make("option", { value: name }, name)));
    find("model").value = wanted;
    find("other").replaceChildren(make("option", { value: "" }, "no other"), ...names.map((name) => make("option", { value: name }, name)));
    find("other-row").hidden = names.length < 2;
    await card(wanted, signal);
    drawPrimer();
  });

function drawPrimer() {
  const codebook = codebookOf(find("model").value);
  undress();
  dress(codebook);
  find("question").textContent = (codebook.question ?? "").replace(/\?.*/s, "?");
  find("definitions").replaceChildren(...codebook.labels.map(({ name, definition, acts }) =>
    make("div", {}, make("dt", { dir: "auto", class: look(name) }, make("span", { class: `said s2 ${look(name)}` }, name)), make("dd", { dir: "auto" }, definition ?? "", acts?.length > 0 && make("span", { class: "about" }, acts.slice(0, 3).join("; "))))));
  find("primer").hidden = !find("result").hidden || find("definitions").children.length === 0;
  const { version } = state.models.find((model) => nameOf(model) === find("model").value) ?? {};
  find("colophon").textContent = version ? `Read by ${find("model").value}, version ${version}. It reads words, not the world: look at the text before you quote a label.` : "";
}

// ---- reading

const formatOf = (name) => (/\.html?$/i.test(name) ? "html" : /\.(md|markdown)$/i.test(name) ? "markdown" : "text");

function given() {
  const text = find("text").value.toWellFormed();
  return [...state.files, ...(text.trim() ? [{ name: "", format: /^\s*(<!doctype|<html)/i.test(text) ? "html" : "text", text }] : [])];
}

function options() {
  const error = Number(find("error").value);
  return { model: find("model").value || undefined, max_error: error > 0 ? error / 100 : undefined };
}

/** Classify texts, some hundred a request; gives the rows in their order, and the model. */
async function classify(texts, wanted, signal) {
  const rows = [];
  let model = null;
  for (let at = 0; at < texts.length; ) {
    let to = at;
    for (let size = 0; to < texts.length && to - at < BATCH && (to === at || size + texts[to].text.length < CHARACTERS); to += 1) size += texts[to].text.length;
    const answered = await call("v1/classify", { body: { texts: texts.slice(at, to), ...wanted }, signal });
    rows.push(...answered.rows);
    model = answered.model;
    at = to;
    if (at < texts.length) wait(`${at.toLocaleString("en")} of ${texts.length.toLocaleString("en")} statements read …`);
  }
  return { rows, model };
}

async function readLines(document, wanted, signal) {
  const found = lines(document.text);
  const answered = await classify(found.map(({ text }, place) => ({ id: String(place + 1), text })), wanted, signal);
  return { ...document, ...answered, article: { text: document.text }, lines: found, units: found.map(({ start, end }) => [[start, end]]) };
}

async function readOne(document, kind, wanted, signal) {
  const { text, format, name } = document;
  if (kind === "lines" || (kind === "" && format === "text" && !name && !looksLikeArticle(text))) return readLines(document, wanted, signal);
  const { article, rows, model } = await call("v1/article", { body: { article: text, format, source: name || undefined, ...wanted }, signal });
  if (rows.length === 0 && kind === "" && format === "text" && lines(text).length === 1) return readLines(document, wanted, signal);
  const flat = spansToUnits(article.text, rows.flatMap((row) => row.spans ?? [[row.start, row.end]]));
  let at = 0;
  return { ...document, article, rows, model, units: rows.map((row) => flat.slice(at, (at += row.spans?.length ?? 1))) };
}

/** Some models keep nothing to promise an error with: then everything is answered, and the page says so. */
async function withPromise(deed, wanted) {
  try {
    return await deed(wanted);
  } catch (trouble) {
    if (trouble.status !== 409 || wanted.max_error === undefined) throw trouble;
    find("error").value = "0";
    showError();
    return deed({ ...wanted, max_error: undefined });
  }
}

const read = ({ focus = true } = {}) => {
  const documents = given();
  if (documents.length === 0) {
    find("text").focus();
    say("There is nothing to read yet.");
    return;
  }
  work(async (signal, going) => {
    wait("Reading …");
    const kind = find("kind").value;
    const wanted = options();
    const other = find("other").value;
    const done = [];
    for (const [place, document] of documents.entries()) {
      if (documents.length > 1) wait(`Reading ${place + 1} of ${documents.length}: ${document.name || "the text"} …`);
      done.push(await withPromise((asked) => readOne(document, kind, asked, signal), wanted));
    }
    if (wanted.model) await card(wanted.model, signal);
    const rows = done.flatMap((document) => document.rows);
    let second = { rows: [], model: null };
    if (other) {
      await card(other, signal);
      wait(`Asking ${other} …`);
      const texts = rows.map(({ text }, place) => ({ id: String(place), text }));
      second = await withPromise((asked) => classify(texts, asked, signal), { ...wanted, model: other });
    }
    state.answered = [done[0].model, second.model];
    if (going()) await present(done, second.rows, [wanted.model ?? "", other], going, focus);
  });
};

// ---- the result

async function present(documents, others, names, going, focus) {
  undress();
  for (const name of names.filter(Boolean)) dress(codebookOf(name));
  const labels = codebookOf(names[0]).labels.map(({ name }) => name);
  let number = 0;
  state.statements = [];
  for (const document of documents) {
    document.statements = document.rows.map((row, place) => {
      const other = others[number];
      const differs = Boolean(other) && answer(other) !== answer(row);
      return { row, other, differs, number: number++, document, spans: document.units[place], pieces: [], note: null };
    });
    state.statements.push(...document.statements);
  }
  Object.assign(state, { documents, labels, names, filter: null, selected: null });

  closePanel(false);
  find("result").hidden = false;
  find("primer").hidden = true;
  document.body.classList.add("has-result");
  document.body.classList.toggle("bare", documents.every((each) => each.lines));
  for (const id of ["edit", "fresh"]) find(id).hidden = false;
  const home = find("reading");
  home.replaceChildren();
  const speakers = drawSpeakers(state.statements, labels, (key, name) => filterBy({ key, name, holds: (statement) => speakerOf(statement) === key }));
  drawSummary(speakers);
  find("take-note").textContent = "";
  if (focus) {
    find("summary-head").focus({ preventScroll: true });
    find("summary").scrollIntoView({ behavior: "instant" });
  }
  for (const each of documents) {
    if (documents.length > 1) home.append(make("h2", { class: "document", dir: "auto" }, each.name || each.article.title || "The text"));
    await drawArticle(home, each, going, names[1]);
    if (!going()) return;
    if (each.rows.length === 0) home.append(make("p", { class: "loud" }, "No statement with a speaker was found in it. ", make("button", { type: "button", on: { click: () => ((find("kind").value = "lines"), read()) } }, "Read it line by line")));
    await breathe();
  }
  if (state.statements.length === 1 && innerWidth >= 900) open(state.statements[0], { focus: false });
}

function drawSummary(speakers) {
  const { statements, labels, documents, names: [name, other] } = state;
  const counts = tally(statements.map(({ row }) => row));
  const head = [count(statements.length, "statement"), speakers > 0 && `by ${count(speakers, "speaker")}`, documents.length > 1 && `in ${count(documents.length, "text")}`].filter(Boolean).join(" ");
  find("summary-head").textContent = head;
  document.title = `${head} – communique`;
  const bar = (model, rows) => [other && make("p", { class: "about" }, model), stack(tally(rows), labels, statements.length)];
  const bars = [bar(name, statements.map(({ row }) => row)), other ? bar(other, statements.map((each) => each.other)) : []];
  find("whole").replaceChildren(...(statements.length > 1 ? bars.flat().filter(Boolean) : []));
  const entry = (key, sample, called, holds) => {
    const n = statements.filter(holds).length;
    return make("li", {}, make("button", { type: "button", class: "plain", "aria-pressed": "false", "data-key": key, disabled: n === 0, on: { click: () => filterBy({ key, name: called, holds }) } }, sample, make("span", { dir: "auto" }, called), " ", make("span", { class: "number" }, String(n))));
  };
  const entryOf = (label, called = label) => entry(`= ${label}`, swatch(label, !label), called, ({ row }) => answer(row) === label);
  const foreign = [...counts.keys()].filter((label) => label && !labels.includes(label));
  find("legend").replaceChildren(
    ...[...labels, ...foreign].map((label) => entryOf(label)),
    ...(counts.has("") ? [entryOf("", "doubtful")] : []),
    ...(other ? [entry("≠", make("b", {}, "≠ "), "where the models differ", ({ differs }) => differs)] : []));
  say(`${head}: ${[...counts].map(([label, n]) => `${n} ${label || "doubtful"}`).join(", ")}.`);
}

/** Show some statements only, or all again: a filter has the key of its button, a name and a test. */
function filterBy(filter) {
  state.filter = filter?.key === state.filter?.key ? null : filter;
  const { key, name } = state.filter ?? {};
  const left = state.statements.filter(matches);
  document.body.classList.toggle("filtered", Boolean(state.filter));
  for (const statement of state.statements) {
    const aside = !matches(statement);
    for (const piece of statement.pieces) piece.classList.toggle("aside", aside);
    statement.pieces[0]?.setAttribute("tabindex", aside ? "-1" : "0");
    statement.note?.classList.toggle("aside", aside);
  }
  for (const button of document.querySelectorAll("[data-key]")) button.setAttribute("aria-pressed", String(button.dataset.key === key));
  find("filter").hidden = !state.filter;
  find("filter-text").textContent = state.filter ? `Only ${name}: ${left.length} of ${state.statements.length}.` : "";
  say(state.filter ? `Only ${name}: ${count(left.length, "statement")}.` : "All statements.");
  if (state.filter && !left.some(({ pieces: [piece] }) => seen(piece))) bring(left[0]?.pieces[0]);
}

const matches = (statement) => state.filter?.holds(statement) ?? true;

const seen = (piece) => {
  if (!piece) return false;
  const { top, bottom } = piece.getBoundingClientRect();
  const sheet = find("panel");
  const floor = !sheet.hidden && getComputedStyle(sheet).position === "fixed" ? sheet.getBoundingClientRect().top : innerHeight;
  return bottom > 0 && top < floor;
};
const bring = (piece) => piece?.scrollIntoView({ block: "center" });

// ---- one statement

const explain = ({ judged, text }) => call("v1/explain", { body: { text: judged ?? text, model: state.names[0] || undefined } });

async function correct(statement, label, note) {
  const { label: answer, confidence, scores } = statement.row;
  const text = statement.row.judged ?? statement.row.text;
  try {
    await call("v1/corrections", { body: { text, label, note: note || undefined, answer: { label: answer, confidence, scores }, model: state.names[0] || undefined } });
    return null;
  } catch (trouble) {
    return `Not sent. ${trouble.message} ${trouble.remedy ?? ""}`;
  }
}

function select(statement) {
  for (const [each, chosen] of [[state.selected, false], [statement, true]]) {
    for (const piece of each?.pieces ?? []) piece.classList.toggle("chosen", chosen);
    each?.note?.classList.toggle("chosen", chosen);
  }
  state.selected = statement;
}

function open(statement, { focus = true } = {}) {
  const left = state.statements.filter(matches);
  const place = left.indexOf(statement);
  state.selected?.pieces[0]?.setAttribute("aria-expanded", "false");
  select(statement);
  statement.pieces[0]?.setAttribute("aria-expanded", "true");
  document.body.classList.add("has-panel");
  showPanel(statement, {
    explain, codebook: codebookOf(state.names[0]), models: state.names, labels: state.labels, total: state.statements.length,
    before: place > 0, after: place < left.length - 1,
    step: (by) => (open(left[place + by]), find(by < 0 ? "before" : "after").focus(), tell(left[place + by])),
    close: () => closePanel(), correct: state.corrections ? correct : null,
  });
  if (focus) find("panel-head").focus({ preventScroll: true });
  if (!seen(statement.pieces[0])) bring(statement.pieces[0]);
}

function closePanel(back = true) {
  const was = !find("panel").hidden;
  find("panel").hidden = true;
  find("panel").replaceChildren();
  document.body.classList.remove("has-panel");
  state.selected?.pieces[0]?.setAttribute("aria-expanded", "false");
  if (back && was) state.selected?.pieces[0]?.focus({ preventScroll: true });
  return was;
}

function step(by) {
  const left = state.statements.filter((statement) => matches(statement) && statement.pieces.length);
  if (left.length === 0) return;
  const focused = state.statements[document.activeElement?.dataset?.n];
  const from = left.indexOf(focused ?? state.selected);
  const next = left[Math.min(left.length - 1, Math.max(0, from < 0 ? (by > 0 ? 0 : left.length - 1) : from + by))];
  if (!find("panel").hidden) open(next, { focus: false });
  else select(next);
  next.pieces[0].focus({ preventScroll: true });
  bring(next.pieces[0]);
  tell(next);
}

const tell = ({ row, number }) => say(`${number + 1} of ${state.statements.length}: ${row.abstained ? `doubtful, ${row.reason ?? ""}` : `${row.label} ${percent(row.confidence ?? 0)}`}${who(row) ? `, ${who(row)}` : ""}`);

// ---- taking it along

function exported() {
  const [name, other] = state.names;
  const stamp = (model, spare) => (model ? `${model.name}@${model.version}` : spare);
  return state.statements.map(({ row, other: second, document }) => ({
    ...(state.documents.length > 1 ? { document: document.name || document.article.title || "" } : {}),
    ...row,
    model: stamp(state.answered[0], name),
    ...(second ? { other_label: second.label, other_confidence: second.confidence, other_scores: second.scores, ...(second.abstained === undefined ? {} : { other_abstained: second.abstained, other_reason: second.reason }), other_model: stamp(state.answered[1], other) } : {}),
  }));
}
const asJson = () => `${JSON.stringify({ model: state.answered[0], ...(state.names[1] ? { other_model: state.answered[1] } : {}), rows: exported() }, null, 1)}\n`;

async function take(deed, told) {
  try {
    find("take-note").textContent = (await deed()) ?? told;
  } catch (trouble) {
    find("take-note").textContent = `That did not work: ${trouble.message}.`;
  }
}

async function share() {
  const kept = { documents: state.documents.map(({ name, format, text }) => ({ name, format, text })), kind: find("kind").value, model: find("model").value, other: find("other").value, error: Number(find("error").value) };
  const link = `${location.origin}${location.pathname}#${await pack(kept)}`;
  if (link.length > 1_500_000) throw new Error(`the link would have ${link.length.toLocaleString("en")} characters, more than browsers open`);
  await copy(link);
  return `Copied: a link of ${link.length.toLocaleString("en")} characters. The text is in the link itself, so whoever has it can read it; no server keeps it.${link.length > LONG_LINK ? " Some mail and chat programs cut links this long: try it before you rely on it." : ""}`;
}

async function openLink() {
  const fragment = location.hash.slice(1);
  if (!/^z.{7}/.test(fragment)) return;
  const shared = await unpack(fragment);
  if (!shared) {
    show(new Problem(0, "This link is damaged.", "It may have been cut on its way: ask for it again."));
    return;
  }
  const files = shared.documents.filter(({ name }) => name).map(({ name, format, text }) => ({ name: String(name), format: ["html", "markdown"].includes(format) ? format : "text", text }));
  const text = shared.documents.filter(({ name }) => !name).map((each) => each.text).join("\n\n");
  fresh(text, files);
  if (["", "article", "lines"].includes(shared.kind)) find("kind").value = shared.kind;
  for (const id of ["model", "other"]) if ([...find(id).options].some(({ value }) => value === shared[id])) find(id).value = shared[id];
  if (Number.isFinite(shared.error)) find("error").value = String(shared.error);
  showError();
  drawPrimer();
  const size = shared.documents.reduce((sum, each) => sum + each.text.length, 0);
  show(new Problem(0, "This link brought a text.", `${count(size, "character")}, out of the link itself; nothing has been sent to the server yet.`), read, "Read it");
}

// ---- the text field and files

/** Begin anew, with this text and these files. */
function fresh(text = "", files = []) {
  state.files = files;
  drawFiles();
  state.work?.abort();
  closePanel(false);
  find("result").hidden = true;
  document.body.classList.remove("has-result", "filtered", "bare");
  for (const id of ["edit", "fresh"]) find(id).hidden = true;
  find("text").value = text;
  find("primer").hidden = find("definitions").children.length === 0;
  document.title = "communique: who said what, with which stance";
  show(null);
}

function drawFiles() {
  find("chips").replaceChildren(...state.files.map((file) => make("li", {}, make("span", { dir: "auto" }, file.name), make("span", { class: "about" }, ` ${count(file.text.length, "character")} `), make("button", { type: "button", class: "plain", "aria-label": `Leave out ${file.name}`, on: { click: () => ((state.files = state.files.filter((each) => each !== file)), drawFiles(), find("text").focus()) } }, "✕"))));
}

async function takeIn(files) {
  const sound = [];
  const wrong = [];
  for (const file of files) {
    const text = FILES.test(file.name) || file.type.startsWith("text/") ? (await file.text()).replace(/^\ufeff/, "") : "";
    if (text.trim() && !text.includes("\0")) sound.push({ name: file.name, format: formatOf(file.name), text });
    else wrong.push(file.name);
  }
  const [first, more] = sound;
  const alone = first && !more && state.files.length === 0;
  if (alone && first.format === "text" && first.text.length < LARGE) fresh(first.text);
  else if (first) fresh(alone ? "" : find("text").value, [...state.files, ...sound]);
  if (wrong.length > 0) show(new Problem(0, files.length > 1 ? "Not every file could be taken." : "This file could not be taken.", "The page takes text, Markdown and HTML; the command line reads Word and PDF as well.", wrong.join(", ")));
  else if (first) read();
}

function showError() {
  const error = Number(find("error").value);
  find("error-value").textContent = error ? `${error}%` : "any";
  find("error-hint").textContent = error ? "at most, for texts like those it learnt from; the rest is marked doubtful" : "every statement is answered";
}

// ---- what a person does

function paint(theme) {
  const dark = theme ? theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  if (theme) document.documentElement.dataset.theme = theme;
  find("theme").textContent = dark ? "Light" : "Dark";
  find("theme").setAttribute("aria-label", dark ? "Switch to light colours" : "Switch to dark colours");
  find("theme").onclick = () => {
    const next = dark ? "light" : "dark";
    try {
      localStorage.setItem("communique.theme", next);
    } catch {
      // then the choice lives as long as the page
    }
    paint(next);
  };
}

function listen() {
  const on = (id, event, deed) => find(id).addEventListener(event, deed);
  on("form", "submit", (event) => (event.preventDefault(), read()));
  on("cancel", "click", () => (state.work?.abort(), wait(null), (state.work = null), say("Stopped.")));
  on("example", "click", () => work(async (signal) => {
    const response = await fetch("page/example.txt", { signal });
    if (!response.ok) throw new Problem(response.status, "The example is not there.", "Paste a text of your own.");
    fresh(await response.text());
    find("kind").value = "";
    setTimeout(read);
  }));
  on("edit", "click", () => (document.body.classList.remove("has-result"), (find("edit").hidden = true), find("text").focus()));
  on("fresh", "click", () => (fresh(), history.replaceState(null, "", location.pathname), find("text").focus()));
  on("file", "change", async ({ target }) => (await takeIn([...target.files]), (target.value = "")));
  const again = () => (drawPrimer(), find("result").hidden ? undefined : read({ focus: false }));
  on("model", "change", async () => {
    await card(find("model").value).catch(() => undefined);
    if (find("other").value === find("model").value) find("other").value = "";
    again();
  });
  for (const id of ["other", "kind", "error"]) on(id, "change", again);
  on("error", "input", showError);
  on("filter-clear", "click", () => filterBy(null));
  on("keys-open", "click", () => find("keys").showModal());
  on("copy-csv", "click", () => take(() => copy(toCsv(exported())), "CSV copied."));
  on("copy-json", "click", () => take(() => copy(asJson()), "JSON copied."));
  on("save-csv", "click", () => take(() => download("statements.csv", "text/csv", `\ufeff${toCsv(exported())}`), "CSV saved."));
  on("save-json", "click", () => take(() => download("statements.json", "application/json", asJson()), "JSON saved."));
  on("share", "click", () => take(share, ""));

  const statementAt = (target) => (target.closest?.("#reading [data-n]") ? state.statements[target.closest("[data-n]").dataset.n] : null);
  on("reading", "click", ({ target }) => {
    const statement = statementAt(target);
    if (statement && String(getSelection()).length === 0) open(statement);
  });
  on("reading", "keydown", (event) => {
    if ((event.key === "Enter" || event.key === " ") && event.target.getAttribute("role") === "button") {
      event.preventDefault();
      open(statementAt(event.target));
    }
  });
  document.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) return event.target.closest?.("#compose") ? read() : undefined;
    if (event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]")) return undefined;
    const writing = event.target.matches?.("textarea, input, select");
    if (event.key === "Escape" && !writing) return closePanel() || (state.filter && filterBy(null));
    if (writing || find("result").hidden && event.key !== "?") return undefined;
    const inside = event.target.closest?.("#panel, table, details, .scroll");
    const by = { j: 1, k: -1, ...(inside ? {} : { ArrowDown: 1, ArrowUp: -1 }) }[event.key];
    const arrow = event.key.startsWith("Arrow");
    if (event.key === "?") find("keys").showModal();
    else if (by && (!arrow || statementAt(event.target))) (event.preventDefault(), step(by));
    return undefined;
  });
  document.addEventListener("dragover", (event) => (event.preventDefault(), document.body.classList.add("dropping")));
  document.addEventListener("dragleave", ({ relatedTarget }) => relatedTarget ?? document.body.classList.remove("dropping"));
  document.addEventListener("drop", (event) => {
    event.preventDefault();
    document.body.classList.remove("dropping");
    const files = [...event.dataTransfer.files];
    const text = event.dataTransfer.getData("text/plain");
    if (files.length) takeIn(files);
    else if (text) (fresh(text), read());
  });
  addEventListener("hashchange", openLink);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => document.documentElement.dataset.theme ?? paint());
}

let theme = null;
try {
  theme = localStorage.getItem("communique.theme");
} catch {
  // storage may be blocked
}
paint(["light", "dark"].includes(theme) ? theme : undefined);
find("today").textContent = day(new Date(), "full");
const roomy = matchMedia("(min-width: 36.01rem)");
const settle = () => (find("settings").open = roomy.matches);
roomy.addEventListener("change", settle);
settle();
listen();
showError();
await loadModels();
await openLink();
document.documentElement.dataset.ready = "yes";
