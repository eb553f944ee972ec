// Who said it: a table of speakers with their stances as bars.

import { find, make } from "./element.js";
import { stack } from "./labels.js";

const FEW = 12;

export const speakerOf = ({ row }) => (row.speaker || row.actor ? JSON.stringify([row.speaker ?? "", row.actor ?? ""]) : "");

/** The label of a row, "" where it is doubtful. */
export const answer = (row) => (row.abstained ? "" : (row.label ?? ""));

/** Count rows by label. */
export function tally(rows) {
  const counts = new Map();
  for (const row of rows) counts.set(answer(row), (counts.get(answer(row)) ?? 0) + 1);
  return counts;
}

function gather(statements) {
  const people = new Map();
  for (const statement of statements) {
    const key = speakerOf(statement);
    const { speaker, actor, office } = statement.row;
    if (!people.has(key)) people.set(key, { key, name: speaker || actor || "no speaker found", about: "", rows: [] });
    const person = people.get(key);
    person.rows.push(statement.row);
    person.about ||= [office, speaker ? actor : ""].filter(Boolean).join(", ");
  }
  return [...people.values()].map((person) => ({ ...person, counts: tally(person.rows) }));
}

/** The columns, and the ways each sorts: what its head then says, the value of aria-sort, the order. */
function columns(labels) {
  const byName = (a, b) => a.name.localeCompare(b.name);
  const bySize = (a, b) => b.rows.length - a.rows.length;
  const by = (label) => (a, b) => (b.counts.get(label) ?? 0) - (a.counts.get(label) ?? 0) || bySize(a, b);
  return [
    [["Speaker", "ascending", byName], ["Speaker", "descending", (a, b) => byName(b, a)], ["As in the text", "other", () => 0]],
    labels.map((label) => [`Most ${label}`, "other", by(label)]),
    [["Total", "descending", bySize], ["Total", "ascending", (a, b) => bySize(b, a)]],
  ];
}

/** Draw the table; `choose(key, name)` is called when a speaker is clicked. Gives how many there are. */
export function drawSpeakers(statements, labels, choose) {
  const home = find("speakers");
  const people = gather(statements);
  home.hidden = people.every(({ key }) => key === "");
  home.replaceChildren();
  if (home.hidden) return 0;
  const widest = Math.max(...people.map(({ rows }) => rows.length));
  const ways = columns(labels);
  let [sorted, turn] = [2, 0]; // the column, and its way
  let all = people.length <= FEW + 3;
  const body = make("tbody");
  const heads = ["Speaker", "Stances", "Total"].map((name, column) => {
    const button = make("button", { type: "button", class: "plain", on: { click: () => ([sorted, turn] = [column, column === sorted ? (turn + 1) % ways[column].length : 0], fill()) } });
    return { name, button, cell: make("th", { scope: "col" }, button) };
  });
  const more = make("button", { type: "button", class: "plain", on: { click: () => ((all = true), fill(), body.rows[FEW]?.querySelector("button").focus()) } }, `Show all ${people.length}`);
  function fill() {
    const pressed = body.querySelector("[aria-pressed=true]")?.dataset.key;
    const [title, order, compare] = ways[sorted][turn];
    for (const [column, { name, button, cell }] of heads.entries()) {
      button.textContent = column === sorted ? title : name;
      if (column === sorted) cell.setAttribute("aria-sort", order);
      else cell.removeAttribute("aria-sort");
    }
    body.replaceChildren(...[...people].sort(compare).slice(0, all ? undefined : FEW).map(({ key, name, about, rows, counts }) =>
      make("tr", {},
        make("th", { scope: "row" },
          make("button", { type: "button", class: "plain", dir: "auto", "data-key": key, "aria-pressed": String(key === pressed), on: { click: () => choose(key, name) } }, name),
          about && make("span", { class: "about", dir: "auto" }, about)),
        make("td", {}, stack(counts, labels, widest)),
        make("td", { class: "number" }, String(rows.length)))));
    more.hidden = all;
  }
  fill();
  home.append(
    make("h2", { id: "speakers-head" }, "Who said it"),
    make("table", { "aria-labelledby": "speakers-head" }, make("thead", {}, make("tr", {}, heads.map(({ cell }) => cell))), body),
    more);
  return people.filter(({ key }) => key).length;
}
