// One statement, close up: its scores, the words for and against, what the codebook says, what stands around it.

import { second } from "./article.js";
import { day, find, make, percent } from "./element.js";
import { look, REASONS, scoreBars, swatch } from "./labels.js";
import { spansToUnits } from "./offsets.js";

const LISTED = 6;
const KINDS = { direct: "quoted", partial: "partly quoted", indirect: "reported", turn: "said in turn" };

/** The statement with its words marked: the stronger the weight, the stronger the mark. */
function weighed(text, evidence) {
  if (!evidence?.length) return [text];
  const strongest = Math.max(...evidence.map(({ weight }) => Math.abs(weight)));
  const spans = spansToUnits(text, evidence.map(({ start, end }) => [start, end]));
  const parts = [];
  let at = 0;
  evidence.forEach(({ weight }, place) => {
    const [start, end] = spans[place];
    const share = Math.abs(weight) / strongest;
    if (start < at || share < 0.08) return;
    parts.push(text.slice(at, start), make("mark", { class: `${weight > 0 ? "for" : "against"} w${Math.ceil(share * 4)}`, title: weight.toFixed(2) }, text.slice(start, end)));
    at = end;
  });
  return [...parts, text.slice(at)];
}

function words(evidence, sign) {
  const sums = new Map();
  for (const { text, weight } of evidence) sums.set(text.toLowerCase(), (sums.get(text.toLowerCase()) ?? 0) + weight);
  const sorted = [...sums].filter(([, weight]) => weight * sign > 0.005).sort((a, b) => sign * (b[1] - a[1]));
  const strongest = Math.max(...[...sums.values()].map(Math.abs));
  return { listed: sorted.slice(0, LISTED), rest: sorted.slice(LISTED), strongest };
}

function wordList(title, label, side, { listed, rest, strongest }) {
  return make("div", { class: side },
    make("h4", {}, title, " ", make("b", { dir: "auto" }, label)),
    listed.length === 0 ? make("p", { class: "hint" }, "nothing") : make("ol", {}, listed.map(([word, weight]) => {
      const bar = make("span", { class: "weight", "aria-hidden": "true" });
      bar.style.inlineSize = `${(100 * Math.abs(weight)) / strongest}%`;
      return make("li", {}, make("span", { dir: "auto" }, word), make("span", { class: "number" }, signed(weight)), bar);
    })),
    rest.length > 0 && make("p", { class: "hint" }, `${rest.length} more ${signed(rest.reduce((sum, [, weight]) => sum + weight, 0))}`));
}

const signed = (number) => `${number < 0 ? "−" : "+"}${Math.abs(number).toFixed(2)}`;

function reasons(explanation) {
  const { label, runner_up: other, evidence, margin, intercept } = explanation;
  if (!evidence?.length) return [make("p", { class: "hint" }, "None of its words is known to the model.")];
  return [
    make("div", { class: "words" }, wordList("For", label, "for", words(evidence, 1)), wordList("For", other ?? "the others", "against", words(evidence, -1))),
    make("p", { class: "hint" }, `All words ${signed(margin - intercept)}, the model’s leaning before any word ${signed(intercept)}: ${label} leads ${other ?? "the mean of all"} by ${margin.toFixed(2)}.`),
  ];
}

function meaning(label, codebook) {
  const entry = codebook?.labels.find(({ name }) => name === label);
  if (!entry?.definition && !entry?.examples?.length) return [make("p", { class: "hint" }, "The model's codebook does not say.")];
  return [
    entry.definition && make("p", { dir: "auto" }, entry.definition),
    (entry.acts?.length > 0 || entry.examples?.length > 0) && make("details", {}, make("summary", {}, "Acts and examples"),
      entry.acts?.length > 0 && make("p", { class: "hint", dir: "auto" }, `${entry.acts.join("; ")}.`),
      (entry.examples ?? []).map((example) => make("blockquote", { class: "example", dir: "auto" }, example))),
  ];
}

function correction(statement, labels, correct) {
  const options = labels.map((label, place) => make("label", { class: "choice" }, make("input", { type: "radio", name: "right", value: place, required: true }), swatch(label), make("span", { dir: "auto" }, label)));
  const remark = make("textarea", { id: "remark", rows: 2, maxlength: 2000 });
  const said = make("p", { class: "hint", role: "status" });
  const form = make("form", { on: { submit: async (event) => {
    event.preventDefault();
    const label = labels[Number(new FormData(form).get("right"))];
    const send = form.querySelector("button");
    send.disabled = true;
    const trouble = await correct(statement, label, remark.value.trim());
    send.disabled = false;
    if (trouble) said.textContent = trouble;
    else form.replaceChildren(make("p", { role: "status" }, `Noted: ${label}. Thank you.`));
  } } },
    make("fieldset", {}, make("legend", {}, "It should be"), options),
    make("label", { for: "remark" }, "Why (if you like)"), remark,
    make("div", { class: "row" }, make("button", { type: "submit" }, "Send")),
    make("p", { class: "hint" }, "The statement, your label and the note are kept on this server, to train on."), said);
  return make("details", { class: "wrong" }, make("summary", {}, "This is wrong"), form);
}

/**
 * Show a statement. `deeds`: explain(row) -> Promise, codebook, models (one or two names), labels, total, before and
 * after (whether there is another), step(by), close(), correct(statement, label, note) -> Promise of a trouble, or null.
 */
export async function showPanel(statement, deeds) {
  const panel = find("panel");
  const { row, other } = statement;
  const quote = make("blockquote", { class: "quote", dir: "auto" }, row.judged ?? row.text);
  const why = make("div", {}, make("p", { class: "hint" }, "Weighing the words …"));
  const about = [row.office, row.speaker ? row.actor : ""].filter(Boolean).join(", ");
  const said = [KINDS[row.kind], row.cue && `“${row.cue}”`, row.date && day(row.date)].filter(Boolean).join(" · ");
  panel.replaceChildren(...[
    make("div", { class: "bar-top" },
      make("span", { class: "place" }, `${statement.number + 1} of ${deeds.total}`),
      make("button", { type: "button", class: "plain", id: "before", "aria-label": "Statement before", disabled: !deeds.before, on: { click: () => deeds.step(-1) } }, "←"),
      make("button", { type: "button", class: "plain", id: "after", "aria-label": "Next statement", disabled: !deeds.after, on: { click: () => deeds.step(1) } }, "→"),
      make("button", { type: "button", class: "plain", "aria-label": "Close", on: { click: deeds.close } }, "✕")),
    make("h2", { id: "panel-head", tabindex: "-1" },
      row.label ? [swatch(row.label, row.abstained), row.abstained ? "Doubtful" : make("span", { dir: "auto" }, row.label), make("small", {}, row.abstained ? `perhaps ${row.label}, ${percent(row.confidence)}` : `${percent(row.confidence)} sure`)] : "Not read"),
    other && make("p", { class: "about" }, second(statement, deeds.models[1])),
    (row.speaker || row.actor) && make("p", { class: "by", dir: "auto" }, make("b", {}, row.speaker || row.actor), about && `, ${about}`),
    said && make("p", { class: "about" }, said),
    quote,
    row.abstained && make("div", { class: "loud", role: "note" }, make("p", {}, make("b", {}, `No answer: ${row.reason ?? "not sure enough"}.`), " ", REASONS[row.reason] ?? "")),
    row.scores && make("section", {}, make("h3", {}, "Scores"), make("div", { class: other ? "pair" : null },
      make("div", {}, other && make("h4", { dir: "auto" }, deeds.models[0]), scoreBars(row.scores, row.label)),
      other?.scores && make("div", {}, make("h4", { dir: "auto" }, deeds.models[1]), scoreBars(other.scores, other.label)))),
    row.label && make("section", {}, make("h3", {}, "The words that decide"), why),
    row.label && make("section", {}, make("h3", {}, "What ", make("span", { dir: "auto" }, row.label), " means"), meaning(row.label, deeds.codebook)),
    deeds.correct && row.label && correction(statement, deeds.labels, deeds.correct),
  ].filter(Boolean));
  panel.hidden = false;
  panel.scrollTop = 0;
  if (!row.label) return;
  try {
    const explanation = await deeds.explain(row);
    if (!why.isConnected) return;
    why.replaceChildren(...reasons(explanation));
    quote.replaceChildren(...weighed(row.judged ?? row.text, explanation.evidence));
    quote.classList.add("weighed");
    for (const [side, label] of [["for", explanation.label], ["against", explanation.runner_up]]) {
      for (const part of panel.querySelectorAll(`.${side}`)) part.classList.add(...look(label).split(" "));
    }
  } catch (trouble) {
    if (why.isConnected) why.replaceChildren(make("p", { class: "hint" }, `The words could not be weighed. ${trouble.message} ${trouble.remedy ?? ""}`));
  }
}
