// Elements of the panes. Text is set as text; what the server drew is put in as it is.

export function make(tag, classes, text) {
  const element = document.createElement(tag);
  if (classes) element.className = classes;
  if (text !== undefined) element.textContent = text;
  return element;
}

export function fromServer(html) {
  const held = document.createElement("template");
  held.innerHTML = html;
  return held.content;
}

// Swedish dates are ISO 8601, in the zone of whoever looks.
const CLOCK = new Intl.DateTimeFormat("sv", { timeStyle: "medium" });
const MOMENT = new Intl.DateTimeFormat("sv", { dateStyle: "short", timeStyle: "medium" });

export const clock = (microseconds) => (microseconds === null ? "no time" : CLOCK.format(microseconds / 1000));
export const moment = (microseconds) => (microseconds === null ? "no time" : MOMENT.format(microseconds / 1000));

const UNITS = [["d", 86400e6], ["h", 3600e6], ["min", 60e6], ["s", 1e6]];

export function duration(microseconds) {
  const first = UNITS.findIndex(([, size]) => microseconds >= size);
  if (first < 0) return `${Math.round(microseconds / 1000)} ms`;
  const [unit, size] = UNITS[first];
  const whole = Math.floor(microseconds / size);
  const next = UNITS[first + 1];
  const rest = next ? Math.floor((microseconds - whole * size) / next[1]) : 0;
  return `${whole} ${unit}${rest ? ` ${rest} ${next[0]}` : ""}`;
}

// The kind that decides the colour of an event: that of its first item, or its own.
export function hue(row) {
  if (row.e) return "wrong";
  if (row.x) return "erased";
  if (row.k === "added" && row.i?.length) return row.i[0].t;
  return { replaced: "compacted", redacted: "erased", erased: "erased", cleared: "gone", popped: "gone", deleted: "gone", rewound: "rewound" }[row.k] ?? "quiet";
}

export function who(row) {
  if (row.g && row.a !== `agent:${row.g}`) return row.a ? `${row.g} for ${row.a}` : row.g;
  return row.a ?? "unknown";
}

export function gist(row) {
  if (row.e) return row.e;
  if (row.i?.length && row.k === "added") {
    return row.i[0].s + (row.i.length > 1 ? `  +${row.i.length - 1}` : "");
  }
  return (row.d ?? row.k) + (row.w ? `: ${row.w}` : "");
}

const TOKEN = /("(?:[^"\\]|\\.)*")(\s*:)?|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?|\b(?:true|false|null)\b/g;

// Parts of JSON, marked as the server marks them.
export function colour(json) {
  const parts = [];
  let last = 0;
  for (const found of json.matchAll(TOKEN)) {
    parts.push(json.slice(last, found.index));
    const [whole, text, colon] = found;
    if (text) parts.push(make("span", colon ? "p-nt" : "p-s2", text), colon ?? "");
    else parts.push(make("span", /^[tfn]/.test(whole) ? "p-kc" : "p-mi", whole));
    last = found.index + whole.length;
  }
  parts.push(json.slice(last));
  return parts;
}
