// How labels look: any number of them, each with a colour and a pattern, so that colour is never all there is.

import { make, percent } from "./element.js";

const COLOURS = 8; // of palette.css
const PLAIN = "background";
const looks = new Map();

/** Give each label of a codebook its look: by its place, the background's neutral. Labels of a second model follow. */
export function dress(codebook) {
  for (const { name } of codebook.labels) {
    if (looks.has(name)) continue;
    const place = [...looks.values()].filter((look) => look !== PLAIN).length;
    looks.set(name, name === codebook.background ? PLAIN : `label-${(place % COLOURS) + 1} p${(place + Math.floor(place / COLOURS)) % 4}`);
  }
}

export const undress = () => looks.clear();

/** The classes of a label. */
export const look = (label) => looks.get(label) ?? PLAIN;

/** A little sample of the label's colour and pattern. */
export const swatch = (label, doubtful = false) => make("span", { class: `swatch ${look(label)}${doubtful ? " doubt" : ""}`, "aria-hidden": "true" });

/** Why a row is not answered, in words. */
export const REASONS = {
  "close call": "Two or more labels are nearly as likely, or the best is not likely enough for the share of wrong answers accepted.",
  "too short": "There are too few words to tell.",
  "unfamiliar words": "Many of its words were not in the statements the model learnt from.",
  "wrong language or script": "It does not look like the language the model learnt.",
  "too long: seen sentence by sentence": "It is much longer than the statements the model learnt from, and was read sentence by sentence.",
};

/** Draw a stacked bar of counts: `counts` maps labels to numbers; "" stands for the doubtful. */
export function stack(counts, labels, widest) {
  const total = [...counts.values()].reduce((sum, n) => sum + n, 0);
  const told = [...labels, ""].filter((label) => counts.get(label)).map((label) => `${counts.get(label)} ${label || "doubtful"}`);
  const bar = make("span", { class: "stack", role: "img", "aria-label": told.join(", ") || "nothing" });
  bar.style.inlineSize = `${(100 * total) / widest}%`;
  for (const label of [...labels, ""]) {
    if (!counts.get(label)) continue;
    const part = make("span", { class: label ? look(label) : "doubt" });
    part.style.flexGrow = counts.get(label);
    bar.append(part);
  }
  return bar;
}

/** Draw the scores of a row as bars, in the codebook's order. */
export function scoreBars(scores, chosen) {
  return make("dl", { class: "scores" }, Object.entries(scores).map(([label, score]) => {
    const bar = make("span", { class: `bar ${look(label)}` });
    bar.style.inlineSize = `${100 * score}%`;
    return make("div", label === chosen ? { class: "best" } : {},
      make("dt", { dir: "auto" }, label), make("dd", {}, make("span", { class: "track", "aria-hidden": "true" }, bar), make("span", { class: "number" }, percent(score))));
  }));
}
