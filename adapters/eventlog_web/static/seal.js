// The seal: asked for when a page opens, and again when the conversation has grown.

import { lines } from "./source.js";
import { make } from "./draw.js";

const NAMES = { edited: "was changed", removed: "is missing", missing: "is missing", inserted: "was inserted", reordered: "was moved", moved: "was moved", unknown: "cannot be checked" };

export class Seal {
  constructor(button, dialog, address, { evidence, branch, choose, onFound, made }) {
    Object.assign(this, { button, dialog, address, evidence, branch, choose, onFound, made, found: null, asking: null });
    button.addEventListener("click", () => this.open());
  }

  async check() {
    if (this.asking) return;
    this.asking = new AbortController();
    try {
      for await (const told of lines(this.address, this.asking.signal)) this.take(told);
    } catch (error) {
      this.#show("unknown", "not verified", "The server did not answer.");
    } finally {
      this.asking = null;
    }
  }

  grown(head) {
    if (this.found?.state !== "sound" || head <= this.found.version) return;
    this.#show("asking", `verified to v${this.found.version}, ${head - this.found.version} since`);
    this.check();
  }

  open() {
    const body = this.dialog.querySelector(".body");
    body.replaceChildren(...this.#details());
    this.dialog.showModal();
  }

  // The first bad event of this branch, if there is one.
  get fault() {
    return this.found?.faults?.find((each) => each.branch === this.branch && each.version);
  }

  take(told) {
    if (told.checked !== undefined) {
      if (!this.found) this.#show("asking", `verifying ${told.checked.toLocaleString()} of ${told.of.toLocaleString()}`);
      return;
    }
    this.found = told;
    const first = this.fault ?? told.faults?.[0];
    if (told.state === "sound") this.#show("sound", this.made ? `made at v${told.version}, verified then` : `✓ verified to v${told.version}`);
    else if (told.state === "broken") this.#show("broken", `✗ ${place(first)} ${NAMES[first.problem] ?? first.problem}`);
    else this.#show("unknown", first ? `${place(first)} cannot be checked` : "not verified", told.what);
    this.onFound(told);
    if (this.dialog.open) this.dialog.querySelector(".body").replaceChildren(...this.#details());
  }

  // What it says of one event.
  of(version) {
    if (this.found?.version === undefined || version > this.found.version) return null;
    if (!this.fault) return this.found.state === "sound" ? { isGood: true, text: "it follows from the event before it" } : null;
    if (version < this.fault.version) return { isGood: true, text: "it follows from the event before it" };
    if (version > this.fault.version) return { isGood: false, text: `not proved: it stands behind v${this.fault.version}` };
    return { isGood: false, text: `${this.fault.problem}: ${this.fault.detail}` };
  }

  #show(state, text, title = "") {
    this.button.dataset.state = state;
    this.button.textContent = text;
    this.button.title = title;
  }

  #details() {
    const { found } = this;
    if (!found) return [make("p", "", this.button.textContent)];
    const list = make("dl");
    const tell = (name, value, classes = "") => list.append(make("dt", "", name), make("dd", classes, value));
    if (found.what) tell("why", found.what);
    for (const fault of found.faults ?? []) {
      const line = make("dd", "wrong", `${NAMES[fault.problem] ?? fault.problem}: ${fault.detail}`);
      list.append(make("dt", "", place(fault)), line);
      if (fault.branch === this.branch && fault.version) {
        const go = make("button", "link", "show it");
        go.addEventListener("click", () => (this.dialog.close(), this.choose(fault.version)));
        line.append(" ", go);
      }
    }
    if (found.version !== undefined) {
      tell("checked", `${found.events.toLocaleString()} events, each against the one before it`);
      tell("version", `v${found.version}`, "n");
      tell("head hash", found.hash, "hash");
      if (this.made) tell("made", `${this.made}. A file proves nothing by itself: whoever has the log compares the head hash, or has evidence gathered.`);
    }
    for (const pending of found.pending ?? []) tell("pending", pending);
    if (found.signed) {
      tell("signed head", `covers v${found.signed.version}; ${found.signed.size.toLocaleString()} events of the log, ${found.signed.at ?? "at no time"}`);
      tell("its root", found.signed.root, "hash");
    } else if (!this.made) {
      tell("signed head", "none yet: an owner of the database who computes everything anew is caught only by one that is kept elsewhere");
    }
    const more = make("p", "more");
    if (this.evidence && found.signed?.version) {
      const file = make("a", "", "Download the evidence bundle");
      file.href = this.evidence;
      more.append(file);
    }
    return [list, more];
  }
}

function place(fault) {
  if (!fault) return "the log";
  if (!fault.version) return fault.position === null ? "the log" : `position ${fault.position} of the feed`;
  return `v${fault.version}${fault.branch ? ` of branch ${fault.branch}` : ""}`;
}
