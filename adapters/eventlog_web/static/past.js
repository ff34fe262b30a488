// Everything that was ever in the list, in order, and when each of it came and went.
// The order of a list is that of the versions that brought its items, so one sequence holds the
// lists of all versions: at a version, some of it stands, some is gone, the rest is not yet there.

const QUIET = new Set(["usage", "called", "preserved"]);

export const NOT_YET = 0;
export const STANDING = 1;
export const GONE = 2;

export class Past {
  rows = [];
  entries = [];
  turns = [];
  gaps = new Set();
  fault = null;
  #ends = [];
  #first = new Map();

  add(row) {
    const last = this.rows[this.rows.length - 1];
    if (last && row.t && last.t && row.t - last.t >= IDLE) this.gaps.add(this.rows.length);
    if (row.u) this.turns.push(row.v);
    this.rows.push(row);
    if (row.k === "forked") this.#inherit(row);
    if (!row.k.startsWith("added") && !QUIET.has(row.k) && row.d) this.entries.push({ row, v: row.v, n: -1, lives: [row.v] });
    const faces = row.i ?? Array.from({ length: row.n ?? 0 }, () => ({ t: row.x ? "erased" : "unreadable", s: "" }));
    if (faces.length) this.#bring(row, row.v, faces);
    this.#toggle(row.o, row.v);
    this.#toggle(row.b, row.v);
    this.#ends.push(this.entries.length);
  }

  get head() {
    return this.rows.length ? this.rows[this.rows.length - 1].v : 0;
  }

  // The index of the last row up to a version; -1 before the first.
  indexAt(version) {
    let low = 0;
    let high = this.rows.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.rows[middle].v <= version) low = middle + 1;
      else high = middle;
    }
    return low - 1;
  }

  rowAt(version) {
    return this.rows[this.indexAt(version)];
  }

  // How many entries there are up to a version: those behind are not yet there.
  countAt(version) {
    const index = this.indexAt(version);
    return index < 0 ? 0 : this.#ends[index];
  }

  // What an entry is at a version, and by which version it went, if it is gone.
  stateAt(entry, version) {
    const lives = entry.lives;
    let count = lives.length;
    while (count && lives[count - 1] > version) count--;
    if (!count) return { state: NOT_YET, by: 0 };
    return count % 2 ? { state: STANDING, by: 0 } : { state: GONE, by: lives[count - 1] };
  }

  versionAtTime(microseconds) {
    let found = 0;
    for (const row of this.rows) {
      if (row.t !== null && row.t > microseconds) break;
      found = row.v;
    }
    return found;
  }

  turnBefore(version) {
    return this.turns.findLast((each) => each < version) ?? 0;
  }

  turnAfter(version) {
    return this.turns.find((each) => each > version) ?? this.head;
  }

  entryOf(version, index) {
    const first = this.#first.get(version);
    return first === undefined ? undefined : this.entries[first + index];
  }

  #inherit(row) {
    const size = Math.max(0, ...(row.b ?? []).map((span) => span[2]));
    this.#bring(row, 0, Array.from({ length: size }, () => ({ t: "item", s: "inherited" })), []);
  }

  #bring(row, version, faces, lives = null) {
    this.#first.set(version, this.entries.length);
    faces.forEach((face, n) => {
      const entry = { row, v: version, n, face, lives: lives ? [] : [row.v], answer: null, call: null };
      this.entries.push(entry);
      if (!face.p) return;
      entry.call = this.entryOf(face.p[0], face.p[1]);
      if (entry.call) entry.call.answer = entry;
    });
  }

  #toggle(spans, by) {
    for (const [version, start, stop] of spans ?? []) {
      for (let n = start; n < stop; n++) this.entryOf(version, n)?.lives.push(by);
    }
  }
}

const IDLE = 5 * 60 * 1e6;
