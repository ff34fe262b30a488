// The whole conversation in one strip: how long the list was, what kinds of events, where it idled.

import { hue } from "./draw.js";

const STRIP = 7;

export class Minimap {
  constructor(canvas, past) {
    Object.assign(this, { canvas, past });
    new ResizeObserver(() => this.draw()).observe(canvas);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.draw());
  }

  draw() {
    const { rows } = this.past;
    const ratio = devicePixelRatio || 1;
    const width = Math.round(this.canvas.clientWidth * ratio);
    const height = Math.round(this.canvas.clientHeight * ratio);
    if (!width || !rows.length) return;
    this.canvas.width = width;
    this.canvas.height = height;
    const pen = this.canvas.getContext("2d");
    const style = getComputedStyle(this.canvas);
    const colours = new Map();
    const colour = (name) => colours.get(name) ?? colours.set(name, style.getPropertyValue(`--${name}`).trim() || "#888").get(name);
    const last = Math.max(1, this.past.head);
    const x = (version) => (version / last) * width;
    const floor = height - STRIP * ratio;
    const most = rows.reduce((high, row) => Math.max(high, row.c), 1);
    const top = (count) => floor - 1 - (count / most) * (floor - 3 * ratio);
    pen.beginPath();
    pen.moveTo(0, floor);
    rows.forEach((row) => {
      pen.lineTo(x(row.v - 1), top(row.c));
      pen.lineTo(x(row.v), top(row.c));
    });
    pen.lineTo(width, floor);
    pen.fillStyle = colour("area");
    pen.fill();
    this.#strip(pen, rows, x, floor, STRIP * ratio, colour);
    pen.fillStyle = colour("faint");
    for (const index of this.past.gaps) pen.fillRect(Math.round(x(rows[index].v - 1)), 0, ratio, height);
  }

  // Removals are never lost among many others: they are drawn last, and at least a pixel wide.
  #strip(pen, rows, x, top, height, colour) {
    const loud = new Set(["gone", "erased", "rewound", "compacted", "wrong"]);
    for (const isLoud of [false, true]) {
      for (const row of rows) {
        const name = hue(row);
        if (loud.has(name) !== isLoud) continue;
        pen.fillStyle = colour(name);
        const left = x(row.v - 1);
        const wide = x(row.v) - left;
        pen.fillRect(left, top, Math.max(isLoud ? 2 : 0.7, wide), height);
        if (isLoud) pen.fillRect(left + wide / 2 - 1, 0, 2, top);
      }
    }
  }
}
