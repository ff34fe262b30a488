// The page of all conversations.

import { VirtualList } from "./list.js";
import { Finder } from "./find.js";
import { Live } from "./live.js";
import { listen } from "./keys.js";
import { ask, lines } from "./source.js";
import { make, moment } from "./draw.js";

const ROW = 34;
const REST = 250;
const find = (id) => document.getElementById(id);

class Listing {
  rows = [];
  seals = new Map();
  #resting = 0;
  #asking = new AbortController();

  constructor(view) {
    Object.assign(this, { view, sort: "last", isRising: false });
    this.scroller = view.querySelector(".scroll");
    this.list = new VirtualList(this.scroller, { estimate: ROW, draw: (index) => this.#draw(index), update: (index, element) => this.#seal(this.rows[index], element) });
    this.scroller.addEventListener("scroll", () => this.#rest(), { passive: true });
    for (const head of view.querySelectorAll("[data-sort]")) head.addEventListener("click", () => this.sortBy(head.dataset.sort));
    this.sort = new URL(location.href).searchParams.get("sort") ?? "last";
  }

  async load() {
    this.#asking.abort();
    this.#asking = new AbortController();
    const { signal } = this.#asking;
    const rows = [];
    const wanted = ask(this.view.dataset.rows, Object.fromEntries(new URL(location.href).searchParams));
    const isThere = await reached(async () => {
      for await (const row of lines(wanted, signal)) {
        rows.push(row);
        if (rows.length === 500) this.#show(rows);
      }
    });
    if (isThere) this.#show(rows);
    document.body.dataset.ready = "true";
  }

  // Conversations that moved come first; one that was not there yet is asked for.
  moved(rows) {
    const known = new Map(this.rows.map((row) => [row.name, row]));
    let isNew = false;
    for (const { name, events, last } of rows) {
      const row = known.get(name);
      if (row) Object.assign(row, { events, last });
      else isNew = true;
      this.seals.delete(name);
    }
    if (isNew) this.load();
    else this.#show(this.rows, false);
  }

  sortBy(key) {
    this.isRising = this.sort === key ? !this.isRising : key === "title" || key === "owner";
    this.sort = key;
    const url = new URL(location.href);
    url.searchParams.set("sort", key);
    history.replaceState(null, "", url);
    this.#show(this.rows);
  }

  #show(rows, isFirst = true) {
    const { sort: key } = this;
    const value = (row) => (key === "title" ? row.title || row.name : (row[key] ?? (key === "owner" ? "" : 0)));
    const sign = this.isRising ? 1 : -1;
    this.rows = rows.toSorted((one, other) => (value(one) < value(other) ? -sign : value(one) > value(other) ? sign : 0));
    for (const head of this.view.querySelectorAll("[data-sort]")) {
      head.parentElement.setAttribute("aria-sort", head.dataset.sort === key ? (this.isRising ? "ascending" : "descending") : "none");
    }
    find("count").textContent = `${rows.length.toLocaleString()} of them`;
    if (!rows.length) return;
    const { scrollTop } = this.scroller;
    this.list.open();
    this.list.count = 0;
    this.list.forget();
    this.list.count = rows.length;
    this.list.render();
    if (!isFirst) this.scroller.scrollTop = scrollTop;
    this.#rest();
  }

  #draw(index) {
    const row = this.rows[index];
    const element = make("div", "line");
    element.dataset.name = row.name;
    element.setAttribute("role", "row");
    const title = make("span", "title");
    const anchor = make("a", "", row.title || row.name);
    anchor.href = row.href;
    title.append(anchor);
    if (row.title) title.append(" ", make("i", "", row.name));
    for (const tag of row.tags ?? []) title.append(" ", make("span", "chip", tag));
    if (row.branches) title.append(" ", make("span", "note", `+${row.branches} branches`));
    const number = (value) => make("span", "n", (value ?? 0).toLocaleString("en"));
    const cost = make("span", "n", row.cost === undefined || row.cost === null ? "" : `$${row.cost.toFixed(2)}`);
    const cells = [title, make("span", "owner", row.owner ?? ""), number(row.turns), number(row.events), number(row.tokens), cost, make("span", "n last", moment(row.last ?? null)), make("span", "seal-of")];
    for (const cell of cells) cell.setAttribute("role", "cell");
    element.append(...cells);
    return element;
  }

  #seal(row, element) {
    const seal = this.seals.get(row.name);
    const cell = element.lastElementChild;
    cell.textContent = seal ? { sound: "✓", broken: "✗", unknown: "?" }[seal.state] : "…";
    cell.dataset.state = seal?.state ?? "asking";
    cell.title = seal ? (seal.what ?? `verified to v${seal.version}`) : "not asked for yet";
    cell.setAttribute("aria-label", cell.title);
  }

  // What is in sight for a moment is verified; what is scrolled past is not.
  #rest() {
    clearTimeout(this.#resting);
    this.#resting = setTimeout(() => this.#verify(), REST);
  }

  async #verify() {
    const names = [...this.scroller.querySelectorAll(".line")].map((line) => line.dataset.name).filter((name) => name && !this.seals.has(name));
    if (!names.length) return;
    const url = ask(this.view.dataset.seals, {});
    for (const name of names.slice(0, 40)) url.searchParams.append("name", name);
    await reached(async () => {
      for await (const seal of lines(url, this.#asking.signal)) {
        this.seals.set(seal.name, seal);
        this.list.refresh();
      }
    });
  }
}

// Tells whether the server answered; what is shown stays if it did not, and the page says so.
async function reached(asking) {
  try {
    await asking();
    return true;
  } catch (error) {
    if (error.name !== "AbortError") find("away").hidden = false;
    return false;
  }
}

const view = find("view");
const listing = new Listing(view);
const finder = new Finder(find("find"));
find("search").addEventListener("click", () => finder.open());
listen({ search: () => finder.open(), "/": () => finder.open() });
find("filter").addEventListener("submit", (event) => {
  event.preventDefault();
  const url = new URL(location.href);
  for (const [name, value] of new FormData(event.target)) {
    if (value) url.searchParams.set(name, value);
    else url.searchParams.delete(name);
  }
  history.pushState(null, "", url);
  listing.load();
});
new Live(view.dataset.live, { kind: "moved", take: (rows) => listing.moved(rows), tell: (state) => (find("away").hidden = state !== "lost") }).start(0);
window.addEventListener("popstate", () => location.reload());
listing.load();
