// Elements are made here and nowhere else. Whatever comes from a model or a person enters as text, never as markup.

const forbidden = /^(on|style$|srcdoc$|href$|src$)/;

/** Make an element: `attributes` by name (true: empty, false, null: left out; `on` : listeners), children as nodes or text. */
export function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name === "on") for (const [event, listener] of Object.entries(value)) element.addEventListener(event, listener);
    else if (forbidden.test(name)) throw new Error(`the attribute ${name} is not set from data`);
    else if (value !== null && value !== undefined && value !== false) element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

export const find = (id) => document.getElementById(id);

/** Let the browser draw and listen before the work goes on. */
export const breathe = () => new Promise((done) => setTimeout(done));

/** A share as people read it. "100%" is kept for what is certain. */
export function percent(share) {
  const whole = Math.round(share * 100);
  return `${share < 1 && whole === 100 ? ">99" : share > 0 && whole === 0 ? "<1" : whole}%`;
}

/** A day in words, from a Date or an ISO date; what is no whole date is left as it is. */
export function day(when, dateStyle = "long") {
  const date = when instanceof Date ? when : new Date(`${when.slice(0, 10)}T12:00`);
  return Number.isNaN(date.valueOf()) ? when : new Intl.DateTimeFormat("en-GB", { dateStyle }).format(date);
}

export const count = (n, one, many = `${one}s`) => `${n.toLocaleString("en")} ${n === 1 ? one : many}`;
