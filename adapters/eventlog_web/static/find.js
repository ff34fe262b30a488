// Search over everything that was ever said: Ctrl K, from any page.

import { ask } from "./source.js";
import { make, moment } from "./draw.js";

const TYPING = 160;

export class Finder {
  #timer = 0;
  #asking = null;

  constructor(dialog) {
    Object.assign(this, { dialog, input: dialog.querySelector("input"), found: dialog.querySelector("[role=listbox]") });
    this.input.addEventListener("input", () => {
      clearTimeout(this.#timer);
      this.#timer = setTimeout(() => this.#ask(), TYPING);
    });
    dialog.addEventListener("keydown", (event) => {
      const move = { ArrowDown: 1, ArrowUp: -1 }[event.key];
      if (move) this.#choose(move, event);
      else if (event.key === "Enter") this.found.querySelector("[aria-selected=true]")?.click();
    });
    dialog.addEventListener("click", (event) => event.target === dialog && dialog.close());
  }

  open() {
    this.dialog.showModal();
    this.input.select();
  }

  async #ask() {
    this.#asking?.abort();
    this.#asking = new AbortController();
    const asked = this.input.value.trim();
    if (!asked) return this.found.replaceChildren();
    try {
      const answer = await fetch(ask(this.dialog.dataset.find, { q: asked }), { signal: this.#asking.signal });
      const told = await answer.json();
      if (told.why || !told.found.length) return this.found.replaceChildren(make("p", "note", told.why ?? "Nobody ever said that here."));
      this.found.replaceChildren(...told.found.map(drawFound));
      this.found.firstElementChild.setAttribute("aria-selected", "true");
    } catch (error) {
      if (error.name !== "AbortError") this.found.replaceChildren(make("p", "wrong", "The server does not answer."));
    }
    return undefined;
  }

  #choose(move, event) {
    const all = [...this.found.querySelectorAll("[role=option]")];
    const now = all.findIndex((each) => each.getAttribute("aria-selected") === "true");
    const next = all[Math.max(0, Math.min(all.length - 1, now + move))];
    if (!next) return;
    event.preventDefault();
    all[now]?.setAttribute("aria-selected", "false");
    next.setAttribute("aria-selected", "true");
    this.input.setAttribute("aria-activedescendant", next.id);
    next.scrollIntoView({ block: "nearest" });
  }
}

function drawFound(each, index) {
  const element = make("a", `hit${each.removed ? " ghost" : ""}`);
  element.href = each.href;
  element.id = `hit${index}`;
  element.setAttribute("role", "option");
  element.setAttribute("aria-selected", "false");
  const about = make("span", "about", `${each.name} · v${each.version} · ${each.face} · ${moment(each.at)}`);
  const said = make("span", "text");
  for (const [text, isHit] of each.parts) said.append(isHit ? make("mark", "", text) : text);
  if (each.removed) about.append(make("span", "removed", "removed"));
  element.append(about, said);
  return element;
}
