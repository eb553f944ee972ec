// The server counts Unicode code points, JavaScript counts UTF-16 units: "🕊" is one there and two here.

/** Give the UTF-16 offsets of code point offsets: one pass over the text, whatever their number. */
export function toUnits(text, offsets) {
  const order = offsets.map((_, place) => place).sort((a, b) => offsets[a] - offsets[b]);
  const units = new Array(offsets.length);
  let points = 0;
  let unit = 0;
  for (const place of order) {
    for (; points < offsets[place] && unit < text.length; points += 1) unit += text.codePointAt(unit) > 0xffff ? 2 : 1;
    units[place] = unit;
  }
  return units;
}

/** Convert spans, pairs of code point offsets. */
export function spansToUnits(text, spans) {
  const flat = toUnits(text, spans.flat());
  return spans.map((_, place) => [flat[2 * place], flat[2 * place + 1]]);
}

/** Cut a text where spans begin and end: pieces in order, `owner` being the innermost span there, or null. */
export function segment(length, spans) {
  const events = spans
    .filter(({ start, end }) => start < end)
    .flatMap((span) => [{ at: span.start, opens: true, span }, { at: span.end, opens: false, span }])
    .sort((a, b) => a.at - b.at || a.opens - b.opens || (a.opens ? b.span.end - a.span.end : 0));
  const pieces = [];
  const open = [];
  let from = 0;
  const close = (at) => {
    if (at > from) pieces.push({ start: from, end: at, owner: open.length ? open[open.length - 1].owner : null });
    from = at;
  };
  for (const { at, opens, span } of events) {
    close(at);
    if (opens) open.push(span);
    else open.splice(open.lastIndexOf(span), 1);
  }
  close(length);
  return pieces;
}

/** Find the paragraphs of a text: parted by blank lines, or if it has none, by line ends. */
export function paragraphs(text) {
  const gap = /\S[^\S\n]*\n[^\S\n]*\n\s*\S/.test(text) ? /\n[^\S\n]*\n\s*/g : /\n+/g;
  const found = [];
  let start = 0;
  const add = (end) => {
    if (text.slice(start, end).trim()) found.push({ start, end });
  };
  for (const match of text.matchAll(gap)) {
    add(match.index);
    start = match.index + match[0].length;
  }
  add(text.length);
  return found;
}

/** Find the lines that hold something, as code units without the space around them. */
export function lines(text) {
  return [...text.matchAll(/[^\n]+/g)].flatMap(({ 0: line, index }) => {
    const bare = line.trim();
    const start = index + line.indexOf(bare);
    return bare ? [{ start, end: start + bare.length, text: bare }] : [];
  });
}

/** Guess whether a text is an article, with speakers to be found, or one or more bare statements. */
export function looksLikeArticle(text) {
  const rows = lines(text);
  if (/^\s*(<!doctype|<html)/i.test(text) || text.length > 20000) return true;
  const prose = text.replace(/[“„«"][^”“»"]*[”“»"]?/g, " ");
  const quoted = text.length - prose.length > 15;
  if (rows.length <= 1) return quoted && (prose.match(/\p{L}{2,}/gu) ?? []).length >= 2;
  return quoted || paragraphs(text).some(({ start, end }) => end - start > 600) || (/\n\s*\n/.test(text) && text.length > 900);
}
