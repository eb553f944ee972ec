// What leaves the page: a link that holds the text itself, CSV, JSON, a file.

const LARGEST = 4_000_000;

async function pipe(data, stream, most = Infinity) {
  const reader = new Blob([data]).stream().pipeThrough(stream).getReader();
  const parts = [];
  let size = 0;
  for (let step = await reader.read(); !step.done; step = await reader.read()) {
    parts.push(step.value);
    size += step.value.length;
    if (size > most) {
      await reader.cancel();
      throw new RangeError("the link unpacks to more than this page takes");
    }
  }
  return new Uint8Array(await new Blob(parts).arrayBuffer());
}

function toBase64(bytes) {
  let binary = "";
  for (let at = 0; at < bytes.length; at += 8192) binary += String.fromCharCode(...bytes.subarray(at, at + 8192));
  return btoa(binary).replaceAll("+", "-").replaceAll("/", "_").replace(/=+$/, "");
}

const fromBase64 = (text) => Uint8Array.from(atob(text.replaceAll("-", "+").replaceAll("_", "/")), (c) => c.charCodeAt(0));

/** Pack what is to be shared into a URL fragment: "z", and what is deflated in base64. */
export const pack = async (shared) => `z${toBase64(await pipe(JSON.stringify(shared), new CompressionStream("deflate-raw")))}`;

/** Read a fragment that `pack` made; null if it is none. */
export async function unpack(fragment) {
  if (!/^z[\w-]+$/.test(fragment)) return null;
  try {
    const bytes = await pipe(fromBase64(fragment.slice(1)), new DecompressionStream("deflate-raw"), LARGEST);
    const shared = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
    const sound = Array.isArray(shared?.documents) && shared.documents.every((each) => typeof each?.text === "string");
    return sound ? shared : null;
  } catch {
    return null;
  }
}

/** Quote a cell, and keep spreadsheets from taking a text for a formula. */
function cell(value) {
  if (value === null || value === undefined) return "";
  if (typeof value === "number" || typeof value === "boolean") return String(value);
  const text = typeof value === "string" ? value : JSON.stringify(value);
  const tame = /^[\s\0]*[=+\-@＝＋－＠]|^[\t\r\n]/.test(text) ? `'${text}` : text;
  return /[",\r\n';]|^\s|\s$/.test(tame) ? `"${tame.replaceAll('"', '""')}"` : tame;
}

/** Lay rows out as CSV, with the columns of the command line: each score has its own. */
export function toCsv(rows) {
  const flat = rows.map((row) => new Map(Object.entries(row).flatMap(([name, value]) =>
    /^(other_)?scores$/.test(name) ? Object.entries(value ?? {}).map(([label, score]) => [`${name}.${label}`, score]) : [[name, value]])));
  const columns = [...new Set(flat.flatMap((row) => [...row.keys()]))];
  return [columns.map(cell), ...flat.map((row) => columns.map((name) => cell(row.get(name))))].map((row) => `${row.join(",")}\r\n`).join("");
}

/** Put a text on the clipboard, also where the page is not served securely. */
export async function copy(text) {
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    const area = document.createElement("textarea");
    area.value = text;
    document.body.append(area);
    area.select();
    const done = document.execCommand("copy");
    area.remove();
    if (!done) throw new Error("the browser does not let the page copy");
  }
}

/** Hand a text over as a file. */
export function download(name, type, text) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([text], { type }));
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}
