// The text with its statements marked in place, and beside each paragraph a note on what was said in it.

import { breathe, make, percent } from "./element.js";
import { look, swatch } from "./labels.js";
import { paragraphs, segment } from "./offsets.js";

const SHORT = 70;
const MANY = 150;

/** Whom a row is from, in one line. */
export const who = (row) => row.speaker || row.actor || "";

/** The strength of a statement's tint: 1 to 4, by confidence. */
const strength = (row) => Math.min(4, Math.max(1, Math.ceil((row.confidence - 0.2) * 5)));

/** What a model says of a statement, in one line. */
export const verdict = (row) =>
  row.label === null || row.label === undefined
    ? [make("b", {}, "not read"), " blank"]
    : row.abstained
      ? [swatch(row.label, true), make("b", {}, "doubtful"), ` ${row.reason ?? "not sure enough"}; perhaps ${row.label} ${percent(row.confidence)}`]
      : [swatch(row.label), make("b", { dir: "auto" }, row.label), ` ${percent(row.confidence)}`];

/** What the second model says, after a sign for whether it agrees. */
export const second = ({ other, differs }, name) => make("span", { class: "verdict" }, make("b", {}, differs ? "≠" : "="), ` ${name}: `, verdict(other));

function note(statement, name) {
  const { row, other, number, differs } = statement;
  return make("li", { id: `note-${number}`, class: `note${differs ? " differs" : ""}`, "data-n": number },
    make("span", { class: "verdict" }, verdict(row)),
    other && second(statement, name),
    who(row) && make("span", { class: "who", dir: "auto" }, who(row)));
}

function mark(text, statement) {
  const { row, number } = statement;
  const first = statement.pieces.length === 0;
  const kind = row.abstained || !row.label ? "doubt" : `${look(row.label)} s${strength(row)}`;
  const piece = make("span", {
    class: `said ${kind}${statement.differs ? " differs" : ""}`, "data-n": number,
    ...(first ? { role: "button", tabindex: "0", "aria-describedby": `note-${number}`, "aria-expanded": "false" } : {}),
  }, text);
  statement.pieces.push(piece);
  return piece;
}

/** What kind of paragraph it is: "headline", "quiet" (menus, bylines) or "" for prose. */
function rank(text, article, before, marked) {
  if (article.title && text === article.title.trim()) return "headline";
  if (marked) return "";
  if (before || (article.byline && text.includes(article.byline))) return "quiet";
  const rows = text.split("\n");
  const open = rows.filter((line) => !/[.!?…。！？”"]\s*$/.test(line)).length;
  return rows.every((line) => line.length < SHORT) && 2 * open >= rows.length ? "quiet" : "";
}

/** Draw an article; long ones bit by bit, so that the page stays awake. `going()` turns false when nobody waits any more; `other` names the model compared with. */
export async function drawArticle(home, document, going, other) {
  const { article, statements } = document;
  const text = article.text;
  const spans = statements.flatMap((statement) => statement.spans.map(([start, end]) => ({ start, end, owner: statement })));
  const pieces = segment(text.length, spans);
  const blocks = document.lines ?? paragraphs(text);
  const body = make("article", { class: blocks.length > MANY ? "long" : null, lang: /^[a-z]{2,3}(-\w+)?$/i.test(article.language ?? "") ? article.language : null, "aria-label": document.name || article.title || "The text" });
  home.append(body);
  let at = 0;
  let before = Boolean(article.title) && blocks.some(({ start, end }) => text.slice(start, end).trim() === article.title.trim());
  let since = performance.now();
  for (const { start, end } of blocks) {
    while (at < pieces.length && pieces[at].end <= start) at += 1;
    const inside = [];
    const said = new Set();
    for (let p = at; p < pieces.length && pieces[p].start < end; p += 1) {
      const part = text.slice(Math.max(start, pieces[p].start), Math.min(end, pieces[p].end));
      const { owner } = pieces[p];
      if (!owner) inside.push(part);
      else {
        if (owner.pieces.length === 0) said.add(owner);
        inside.push(mark(part, owner));
      }
    }
    const kind = rank(text.slice(start, end).trim(), article, before, inside.some((part) => typeof part !== "string"));
    if (kind === "headline") before = false;
    const notes = said.size > 0 && make("ul", { class: "notes" }, [...said].map((statement) => (statement.note = note(statement, other))));
    body.append(make("div", { class: `block ${kind}` }, make(kind === "headline" ? "h3" : "p", { dir: "auto" }, inside), notes));
    if (performance.now() - since > 24) {
      await breathe();
      if (!going()) return;
      since = performance.now();
    }
  }
}
