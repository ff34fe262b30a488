// The three panes: events, the conversation at the playhead, the inspector.

import { GONE, STANDING } from "./past.js";
import { VirtualList } from "./list.js";
import { clock, colour, duration, fromServer, gist, hue, make, moment, who } from "./draw.js";

const ROW = 27;

export class EventPane {
  constructor(element, past, choose) {
    this.past = past;
    this.scroller = element.querySelector(".scroll");
    this.list = new VirtualList(this.scroller, { estimate: ROW, draw: (index) => this.#draw(index), update: (index, row) => this.#update(index, row) });
    this.scroller.addEventListener("click", (event) => {
      const row = event.target.closest("[data-v]");
      if (row) choose(Number(row.dataset.v));
    });
  }

  grow() {
    this.list.count = this.past.rows.length;
    this.list.render();
  }

  at(version) {
    this.version = version;
    const index = this.past.indexAt(version);
    this.list.refresh();
    if (index >= 0) this.list.reveal(index);
    this.scroller.setAttribute("aria-activedescendant", index >= 0 ? `e${this.past.rows[index].v}` : "");
  }

  #draw(index) {
    const row = this.past.rows[index];
    const before = this.past.rows[index - 1];
    const element = make("div", `row ${hue(row)}`);
    element.id = `e${row.v}`;
    element.dataset.v = row.v;
    element.setAttribute("role", "option");
    element.setAttribute("aria-setsize", this.past.rows.length);
    element.setAttribute("aria-posinset", index + 1);
    if (row.u) element.classList.add("turn");
    if (before && this.past.gaps.has(index)) element.append(make("p", "idle", `${duration(row.t - before.t)} later`));
    const name = row.k === "added" && row.i?.length ? row.i[0].t : row.k;
    element.append(make("span", "v n", row.v), make("span", "dot"), make("b", "", name), make("span", "gist", gist(row)), make("time", "n", clock(row.t)));
    element.title = `v${row.v} · ${row.k} · ${who(row)} · ${moment(row.t)}${row.r ? ` · run ${row.r}` : ""}`;
    return element;
  }

  #update(index, element) {
    const { v } = this.past.rows[index];
    const { fault } = this.past;
    element.classList.toggle("ahead", v > this.version);
    element.classList.toggle("bad", v === fault?.version);
    const isHere = index === this.past.indexAt(this.version);
    if (isHere) element.setAttribute("aria-selected", "true");
    else element.setAttribute("aria-selected", "false");
  }
}

export class TalkPane {
  #waiting = false;

  constructor(element, past, source, choose) {
    Object.assign(this, { past, source, choose, version: 0, isFull: true });
    this.scroller = element.querySelector(".scroll");
    this.list = new VirtualList(this.scroller, { estimate: 92, draw: (index) => this.#draw(index), update: (index, entry) => this.#update(index, entry) });
    this.scroller.addEventListener("click", (event) => {
      const by = event.target.closest("[data-by]");
      if (by) choose(Number(by.dataset.by));
    });
  }

  at(version, isMoved = true) {
    this.version = version;
    this.#select();
    this.list.refresh();
    if (isMoved) this.list.toEnd();
    else this.list.render();
  }

  showGhosts(isShown) {
    this.isFull = isShown;
    this.#select();
    this.list.forget();
    this.list.toEnd();
  }

  #select() {
    const count = this.past.countAt(this.version);
    this.chosen = null;
    if (!this.isFull) {
      this.chosen = [];
      for (let index = 0; index < count; index++) {
        const entry = this.past.entries[index];
        if (entry.n >= 0 && this.past.stateAt(entry, this.version).state === STANDING) this.chosen.push(index);
      }
      this.list.count = 0;
      this.list.forget();
    }
    this.list.count = this.chosen ? this.chosen.length : count;
  }

  #entry(index) {
    return this.past.entries[this.chosen ? this.chosen[index] : index];
  }

  #draw(index) {
    const entry = this.#entry(index);
    if (entry.n < 0) return drawDeed(entry.row);
    const element = make("article", `entry`);
    element.tabIndex = -1;
    const gutter = make("button", "at n", `v${entry.row.v}`);
    gutter.dataset.by = entry.row.v;
    gutter.title = `${who(entry.row)} · ${moment(entry.row.t)}`;
    element.append(gutter);
    this.#fill(entry, element);
    element.append(make("p", "fate"));
    return element;
  }

  #fill(entry, element) {
    const drawn = this.source.drawn(entry.v, () => this.#arrived());
    if (drawn) {
      element.append(fromServer(drawn[entry.n] ?? drawn[0] ?? ""));
      return;
    }
    element.classList.add("waiting");
    const said = make("div", `said ${entry.face.t}`);
    const by = make("p", "by");
    by.append(make("span", "dot"), make("b", "", entry.face.t));
    said.append(by, make("p", "", entry.face.s));
    element.append(said);
  }

  // Many pages may arrive at once: the list is drawn again once for all of them.
  #arrived() {
    if (this.#waiting) return;
    this.#waiting = true;
    requestAnimationFrame(() => {
      this.#waiting = false;
      const wasAtEnd = this.list.isAtEnd;
      for (const element of this.scroller.querySelectorAll(".entry.waiting")) this.list.redraw(Number(element.dataset.index));
      if (wasAtEnd) this.list.toEnd();
      else this.list.render();
    });
  }

  #update(index, element) {
    const entry = this.#entry(index);
    element.dataset.index = index;
    element.setAttribute("aria-posinset", index + 1);
    element.setAttribute("aria-setsize", this.list.count);
    if (entry.n < 0) return;
    const { state, by } = this.past.stateAt(entry, this.version);
    element.classList.toggle("ghost", state === GONE);
    const fate = element.querySelector(":scope > .fate");
    fate.replaceChildren();
    const { fault } = this.past;
    element.classList.toggle("bad", entry.v === fault?.version);
    if (entry.v === fault?.version) fate.append(make("strong", "wrong", `${fault.problem}: ${fault.detail}. `));
    if (state === GONE) drawFate(fate, this.past.rowAt(by));
    const isOpen = entry.face.q && !(entry.answer && entry.answer.row.v <= this.version);
    if (isOpen && state === STANDING) fate.append(make("span", "open", "no result"));
    if (entry.call) fate.append(link(`answers the call at v${entry.call.row.v}`, entry.call.row.v));
    if (entry.answer && entry.answer.row.v <= this.version && entry.answer.row.t !== null) {
      const took = entry.answer.row.v === entry.row.v ? "" : ` after ${duration(entry.answer.row.t - entry.row.t)}`;
      fate.append(link(`answered at v${entry.answer.row.v}${took}`, entry.answer.row.v));
    }
  }
}

function drawDeed(row) {
  const element = make("article", `deed ${hue(row)}`);
  element.append(link(`v${row.v}`, row.v), make("span", "what", row.d ?? row.k));
  if (row.w) element.append(make("q", "", row.w));
  element.append(make("span", "whom", `${who(row)} · ${moment(row.t)}`));
  if (row.e) element.append(make("span", "wrong", row.e));
  return element;
}

function drawFate(fate, row) {
  const words = { popped: "taken back", cleared: "cleared", replaced: "compacted away", rewound: "undone", erased: "erased", redacted: "erased", deleted: "branch deleted" };
  const when = make("time", "", clock(row.t));
  when.title = moment(row.t);
  fate.append(make("span", "removed", words[row.k] ?? row.k), ` by ${who(row)} · `, link(`v${row.v}`, row.v), " · ", when);
  if (row.w) fate.append(" · ", make("q", "", row.w));
}

function link(text, version) {
  const button = make("button", "link n", text);
  button.dataset.by = version;
  return button;
}

export class Inspector {
  #timer = 0;
  #asking = null;

  // verdict(version) returns what the seal says of an event, or null while it says nothing.
  constructor(element, source, choose, verdict) {
    Object.assign(this, { source, verdict });
    element.addEventListener("click", (event) => {
      const by = event.target.closest("[data-by]");
      if (by) choose(Number(by.dataset.by));
    });
    this.title = element.querySelector("h2");
    this.body = element.querySelector(".scroll");
  }

  // A moving playhead passes many events: only one at which it rests is asked for.
  show(version) {
    clearTimeout(this.#timer);
    this.#asking?.abort();
    this.title.textContent = version ? `Event v${version}` : "Before the first event";
    if (version) this.#timer = setTimeout(() => this.#ask(version), 120);
    else this.body.replaceChildren();
  }

  #show(told) {
    const list = make("dl");
    for (const [name, value, kind] of told.fields) list.append(make("dt", "", name), make("dd", kind, value));
    this.body.replaceChildren(list);
    const proved = this.verdict(told.version);
    if (proved) list.append(make("dt", "", "verified"), make("dd", proved.isGood ? "good" : "wrong", proved.text));
    if (told.error) this.body.append(make("p", "wrong", told.error));
    if (told.erased) this.body.append(make("p", "note", "The content was destroyed for good. Its hash and its place are proved as before."));
    if (told.given) this.body.append(make("h3", "", `What the model was given: ${told.given.length} items`), this.#given(told.given));
    if (!told.content) return;
    const content = make("pre", "payload");
    content.tabIndex = 0;
    content.append(...colour(told.content));
    this.body.append(make("h3", "", "Content"), content);
    if (!told.cut) return;
    const whole = make("a", "", `all ${told.cut.toLocaleString()} characters`);
    Object.assign(whole, { href: told.whole, target: "_blank", rel: "noreferrer" });
    this.body.append(whole);
  }

  #given(places) {
    const list = make("ol", "given");
    for (const place of places) {
      const entry = make("li", place ? "" : "wrong", place ? "" : "in no list of this conversation");
      if (place) entry.append(link(place[0] ? `v${place[0]}, item ${place[1] + 1}` : `inherited item ${place[1] + 1}`, place[0] || 1));
      list.append(entry);
    }
    return list;
  }

  async #ask(version) {
    this.#asking = new AbortController();
    try {
      this.#show(await this.source.inspect(version, this.#asking.signal));
    } catch (error) {
      if (error.name !== "AbortError") this.body.replaceChildren(make("p", "wrong", "The server does not answer."));
    }
  }
}
