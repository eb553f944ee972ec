// Who said it: a table of speakers with their stances as bars, and the table of where two models differ.

import { count, find, make, percent } from "./element.js";
import { stack, swatch } from "./labels.js";

const FEW = 12;
const NOBODY = "no speaker found";

export const speakerOf = ({ row }) => (row.speaker || row.actor ? JSON.stringify([row.speaker ?? "", row.actor ?? ""]) : "");

/** Count statements by label; the doubtful are counted under "". */
export function tally(statements) {
  const counts = new Map();
  for (const { row } of statements) {
    const label = row.abstained || !row.label ? "" : row.label;
    counts.set(label, (counts.get(label) ?? 0) + 1);
  }
  return counts;
}

function gather(statements) {
  const people = new Map();
  for (const statement of statements) {
    const key = speakerOf(statement);
    if (!people.has(key)) people.set(key, { key, name: statement.row.speaker || statement.row.actor || NOBODY, about: "", statements: [] });
    const person = people.get(key);
    person.statements.push(statement);
    person.about ||= [statement.row.office, statement.row.speaker ? statement.row.actor : ""].filter(Boolean).join(", ");
  }
  return [...people.values()].map((person) => ({ ...person, counts: tally(person.statements) }));
}

const orders = (labels) => ({
  most: ["most statements", (a, b) => b.statements.length - a.statements.length],
  text: ["order in the text", () => 0],
  name: ["name", (a, b) => a.name.localeCompare(b.name)],
  ...Object.fromEntries(labels.map((label, place) => [`label-${place}`, [`most ${label}`, (a, b) => (b.counts.get(label) ?? 0) - (a.counts.get(label) ?? 0) || b.statements.length - a.statements.length]])),
});

/** Draw the speaker table; `choose(key, name)` is called when one is clicked. */
export function drawSpeakers(statements, labels, choose) {
  const home = find("speakers");
  const people = gather(statements);
  home.hidden = people.every(({ key }) => key === "");
  home.replaceChildren();
  if (home.hidden) return 0;
  const widest = Math.max(...people.map((person) => person.statements.length));
  const ways = orders(labels);
  const body = make("tbody");
  let all = people.length <= FEW + 3;
  const more = make("button", { type: "button", class: "plain", on: { click: () => ((all = true), fill(), body.rows[FEW]?.querySelector("button").focus()) } }, `Show all ${people.length}`);
  const pick = make("select", { id: "order", on: { change: () => fill() } }, Object.entries(ways).map(([key, [name]]) => make("option", { value: key }, name)));
  function fill() {
    const pressed = body.querySelector("[aria-pressed=true]")?.dataset.key;
    const sorted = [...people].sort(ways[pick.value][1]);
    body.replaceChildren(...(all ? sorted : sorted.slice(0, FEW)).map((person) =>
      make("tr", {},
        make("th", { scope: "row" },
          make("button", { type: "button", class: "plain", dir: "auto", "data-key": person.key, "aria-pressed": String(person.key === pressed), on: { click: () => choose(person.key, person.name) } }, person.name),
          person.about && make("span", { class: "about", dir: "auto" }, person.about)),
        make("td", {}, stack(person.counts, labels, widest)),
        make("td", { class: "number" }, String(person.statements.length)))));
    more.hidden = all;
  }
  fill();
  home.append(
    make("div", { class: "heading" }, make("h2", { id: "speakers-head" }, "Who said it"), make("p", {}, make("label", { for: "order" }, "Sort by"), " ", pick)),
    make("table", {},
      make("caption", { class: "hidden" }, "Speakers and the stances of their statements"),
      make("thead", { class: "hidden" }, make("tr", {}, ["Speaker", "Stances", "Statements"].map((name) => make("th", { scope: "col" }, name)))),
      body),
    more);
  return people.filter(({ key }) => key).length;
}

export function pressSpeaker(key) {
  for (const button of find("speakers").querySelectorAll("[data-key]")) button.setAttribute("aria-pressed", String(button.dataset.key === key));
}

/** Draw where two models differ, as a table; `open(statement)` shows one. */
export function drawDifferences(statements, names, open) {
  const home = find("differences");
  const differing = statements.filter((statement) => statement.differs);
  home.hidden = !names[1];
  if (!names[1]) return;
  const answer = (row) => make("td", {}, row.label ? [swatch(row.label, row.abstained), make("span", { dir: "auto" }, row.label), ` ${percent(row.confidence)}`, row.abstained ? make("span", { class: "about" }, "doubtful") : null] : "not read");
  home.replaceChildren(
    make("h2", { id: "differences-head" }, differing.length ? "Where the models differ" : "The models agree"),
    make("p", { class: "hint" }, `${count(differing.length, "statement")} of ${statements.length} answered differently.`));
  if (!differing.length) return;
  home.append(make("div", { class: "scroll", role: "region", tabindex: "0", "aria-label": "Where the models differ" }, make("table", {},
    make("caption", { class: "hidden" }, "Statements on which the two models differ"),
    make("thead", {}, make("tr", {}, ["Statement", ...names].map((name) => make("th", { scope: "col", dir: "auto" }, name)))),
    make("tbody", {}, differing.slice(0, 200).map((statement) =>
      make("tr", {}, make("th", { scope: "row" }, make("button", { type: "button", class: "plain", dir: "auto", on: { click: () => open(statement) } }, shorten(statement.row.text, 70))), answer(statement.row), answer(statement.other)))))));
  if (differing.length > 200) home.append(make("p", { class: "hint" }, "The first 200 are listed; CSV and JSON have them all."));
}

/** The beginning of a text, cut between words. */
export function shorten(text, most) {
  const points = [...text.slice(0, 2 * most + 2)];
  return points.length <= most ? text : `${points.slice(0, most).join("").replace(/\s+\S*$/, "")} …`;
}
