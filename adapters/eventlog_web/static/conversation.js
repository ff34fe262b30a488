// The page of a conversation: one playhead moves everything.

import { Past } from "./past.js";
import { EventPane, Inspector, TalkPane } from "./panes.js";
import { Minimap } from "./minimap.js";
import { Player } from "./player.js";
import { Finder } from "./find.js";
import { Seal } from "./seal.js";
import { Live } from "./live.js";
import { listen } from "./keys.js";
import { ask } from "./source.js";
import { moment } from "./draw.js";

const find = (id) => document.getElementById(id);

export async function open(view, source, { onReady = () => {} } = {}) {
  const past = new Past();
  const parts = {
    events: new EventPane(find("events"), past, (version) => page.go(version)),
    talk: new TalkPane(find("talk"), past, source, (version) => page.go(version)),
    inspector: new Inspector(find("inspector"), source, (version) => page.go(version), (version) => page.seal?.of(version) ?? null),
    minimap: new Minimap(find("minimap"), past),
  };
  const page = new Page(view, past, parts);
  page.bind();
  await source.rows((rows) => {
    rows.forEach((row) => past.add(row));
    page.grown();
  });
  parts.minimap.draw();
  page.ready();
  onReady(page);
  return page;
}

class Page {
  #told = 0;

  constructor(view, past, parts) {
    Object.assign(this, { view, past, parts });
    this.version = Number(view.dataset.at);
    this.isAtHead = !view.dataset.asked;
    this.slider = find("slider");
    this.isFollowing = this.isAtHead;
    this.unseen = 0;
    if (view.dataset.live) this.live = new Live(view.dataset.live, { kind: "rows", take: (rows) => this.came(rows), tell: (state) => this.#tellLive(state) });
    if (view.dataset.seal) this.seal = this.#makeSeal();
    this.player = new Player((step) => this.step(step), () => this.version >= this.past.head);
  }

  #makeSeal() {
    const { evidence, branch, seal } = this.view.dataset;
    const choose = (version) => this.go(version);
    return new Seal(find("seal"), find("sealed"), seal, { evidence, branch, choose, onFound: () => this.distrust() });
  }

  // Nothing from the first bad event on is proved.
  distrust() {
    this.past.fault = this.seal.fault ?? null;
    this.parts.talk.list.refresh();
    this.parts.events.list.refresh();
    this.parts.inspector.show(this.past.rowAt(this.version)?.v ?? 0);
  }

  bind() {
    const { player } = this;
    this.slider.addEventListener("input", () => this.go(Number(this.slider.value)));
    find("back").addEventListener("click", () => this.step(-1));
    find("forth").addEventListener("click", () => this.step(1));
    find("play").addEventListener("click", () => player.toggle(() => this.go(0)));
    find("speed").addEventListener("change", (event) => player.setSpeed(Number(event.target.value)));
    this.#bindChanges();
    find("newer").addEventListener("click", () => this.follow(true));
    find("live")?.addEventListener("click", () => this.follow(!this.isFollowing));
    this.#watchScrolling();
    find("ghosts").addEventListener("change", (event) => this.parts.talk.showGhosts(event.target.checked));
    const finder = find("find") ? new Finder(find("find")) : null;
    find("search")?.addEventListener("click", () => finder.open());
    find("jump").addEventListener("close", () => this.goTo(find("jump-to").value.trim(), true));
    find("help").addEventListener("click", () => find("keys").showModal());
    for (const tab of document.querySelectorAll(".tabs button")) tab.addEventListener("click", () => this.turnTo(tab.dataset.pane));
    this.turnTo("talk");
    const speeds = [...find("speed").options].map((option) => option.value);
    const keys = Object.fromEntries(speeds.map((speed, index) => [String(index + 1), () => this.setSpeed(speed)]));
    listen({
      ...keys,
      ArrowLeft: () => this.step(-1), ArrowRight: () => this.step(1), k: () => this.step(-1), j: () => this.step(1),
      PageUp: () => this.go(this.past.turnBefore(this.version)), PageDown: () => this.go(this.past.turnAfter(this.version)),
      Home: () => this.go(0), End: () => this.go(this.past.head),
      Space: () => find("play").click(), g: () => find("ghosts").click(), f: () => find("live")?.click(), d: () => this.#compare(), t: () => this.#jump(), search: () => finder?.open(), "/": () => finder?.open(), "?": () => find("keys").showModal(),
    });
  }

  // There are none unless the server was told to allow them.
  #bindChanges() {
    const dialog = find("change");
    find("changing")?.addEventListener("click", () => {
      dialog.querySelector(".here").textContent = `v${this.version}`;
      dialog.querySelector("[name=at]").value = `v${this.version}`;
      dialog.showModal();
    });
    dialog?.querySelector(".close").addEventListener("click", () => dialog.close());
  }

  #compare() {
    const { diff } = this.view.dataset;
    if (diff) location.assign(ask(diff, { a: `v${this.version}`, b: `v${this.past.head}` }));
  }

  // A jump is to a version, or to a time as people write one.
  #jump() {
    find("jump").showModal();
  }

  setSpeed(speed) {
    find("speed").value = speed;
    this.player.setSpeed(Number(speed));
  }

  turnTo(pane) {
    document.body.dataset.pane = pane;
    for (const tab of document.querySelectorAll(".tabs button")) {
      if (tab.dataset.pane === pane) tab.setAttribute("aria-current", "true");
      else tab.removeAttribute("aria-current");
    }
    this.parts.talk.list.render();
    this.parts.events.list.render();
  }

  grown() {
    const { head } = this.past;
    this.slider.max = head;
    find("event-count").textContent = head.toLocaleString();
    document.querySelector(".of").textContent = `of ${head}`;
    if (this.parts.events.list.count) this.parts.events.grow();
  }

  ready() {
    this.parts.events.list.open();
    this.parts.talk.list.open();
    this.parts.events.grow();
    this.go(this.isAtHead ? this.past.head : this.version, false);
    document.body.dataset.ready = "true";
    this.seal?.check();
    this.live?.start(this.past.head);
  }

  // Rows that came. Who looks at something else is told, and not moved.
  came(rows) {
    const fresh = rows.filter((row) => row.v > this.past.head);
    if (!fresh.length) return;
    fresh.forEach((row) => this.past.add(row));
    this.grown();
    this.parts.minimap.draw();
    if (this.isFollowing) this.go(this.past.head);
    else this.#showUnseen(this.unseen + fresh.length);
    find("playhead").style.setProperty("--at", this.version / this.past.head);
    this.seal?.grown(this.past.head);
  }

  follow(isFollowing) {
    this.isFollowing = isFollowing;
    if (isFollowing) this.go(this.past.head);
    this.#showUnseen(0);
    this.#tellLive(find("live")?.dataset.state);
  }

  #showUnseen(count) {
    this.unseen = count;
    const pill = find("newer");
    pill.hidden = !count;
    pill.textContent = `${count} new event${count === 1 ? "" : "s"}`;
  }

  #tellLive(state) {
    const chip = find("live");
    if (!chip) return; // Nothing comes to a file.
    chip.dataset.state = state;
    chip.textContent = { live: this.isFollowing ? "following" : "paused", lost: "server away" }[state] ?? "";
    chip.setAttribute("aria-pressed", String(this.isFollowing));
    chip.title = state === "lost" ? "The server does not answer. What is shown is what was there; it goes on as soon as it answers." : "Follow what is appended (f)";
  }

  // Scrolling up is looking at something: following pauses until one is at the end again.
  #watchScrolling() {
    const { scroller, list } = this.parts.talk;
    const look = () => requestAnimationFrame(() => {
      if (!this.isAtHead || this.isFollowing === list.isAtEnd) return;
      this.isFollowing = list.isAtEnd;
      if (this.isFollowing) this.#showUnseen(0);
      this.#tellLive(find("live")?.dataset.state);
    });
    for (const kind of ["wheel", "touchmove", "pointerup", "keyup"]) scroller.addEventListener(kind, look, { passive: true });
  }

  // Goes to what an address names: a version, or a time.
  goTo(text, isTold = false) {
    if (/^v?\d+$/.test(text)) this.go(Number(text.replace("v", "")), isTold);
    else if (!Number.isNaN(Date.parse(text))) this.go(this.past.versionAtTime(Date.parse(text) * 1000), isTold);
  }

  step(by) {
    const index = this.past.indexAt(this.version) + by;
    this.go(index < 0 ? 0 : this.past.rows[Math.min(index, this.past.rows.length - 1)].v);
  }

  go(version, isTold = true) {
    const at = Math.max(0, Math.min(version, this.past.head));
    this.version = at;
    this.isAtHead = at === this.past.head;
    if (isTold && this.isFollowing !== this.isAtHead) {
      this.isFollowing = this.isAtHead;
      if (this.isAtHead) this.#showUnseen(0);
      this.#tellLive(find("live")?.dataset.state);
    }
    const row = this.past.rowAt(at);
    this.slider.value = at;
    find("version").textContent = `v${at}`;
    find("clock").textContent = row ? moment(row.t) : "before the first event";
    find("playhead").style.setProperty("--at", this.past.head ? at / this.past.head : 1);
    this.slider.setAttribute("aria-valuetext", `version ${at} of ${this.past.head}${row ? `, ${moment(row.t)}` : ""}`);
    find("list-count").textContent = `${(row?.c ?? 0).toLocaleString()} items`;
    this.parts.talk.at(at);
    this.parts.events.at(at);
    this.parts.inspector.show(row?.v ?? 0);
    if (isTold) this.#tell();
  }

  // Browsers refuse an address that changes all the time.
  #tell() {
    clearTimeout(this.#told);
    this.#told = setTimeout(() => {
      const url = new URL(location.href);
      if (!this.view.dataset.rows) url.hash = this.isAtHead ? "" : `v${this.version}`;
      else if (this.isAtHead) url.searchParams.delete("at");
      else url.searchParams.set("at", `v${this.version}`);
      history.replaceState(null, "", url);
    }, 150);
  }
}

