// Where a page gets its data from: the server. A file has the same methods over what is in it.

export class Server {
  #drawn = new Map();
  #asked = new Set();

  constructor({ rows, items, event }) {
    Object.assign(this, { addresses: { rows, items, event } });
  }

  // Calls take(rows) with each batch of rows, in order.
  async rows(take, after = 0) {
    for await (const batch of batches(ask(this.addresses.rows, { after }))) take(batch);
  }

  // The items that a version brought, drawn; undefined while they are asked for: ready() follows.
  drawn(version, ready) {
    const found = this.#drawn.get(version);
    if (found) return found;
    const page = version ? Math.floor((version - 1) / PAGE) : -1;
    if (!this.#asked.has(page)) {
      this.#asked.add(page);
      this.#fetch(page, ready);
    }
    return undefined;
  }

  async #fetch(page, ready) {
    const from = page < 0 ? 0 : page * PAGE + 1;
    const to = page < 0 ? 0 : (page + 1) * PAGE;
    try {
      const answer = await fetch(ask(this.addresses.items, { from, to }));
      if (!answer.ok) throw new Error(String(answer.status));
      for (const [version, items] of Object.entries(await answer.json())) this.#drawn.set(Number(version), items);
      ready();
    } catch {
      setTimeout(ready, RETRY);
    } finally {
      // What is not there yet, and what could not be fetched, is asked for again.
      this.#asked.delete(page);
    }
  }

  async inspect(version, signal) {
    const answer = await fetch(ask(this.addresses.event, { v: version }), { signal });
    return answer.json();
  }
}

const PAGE = 64;
const RETRY = 1000;

// Yields what an address answers with, lines of JSON, as they come: those that came together.
async function* batches(address, signal) {
  const answer = await fetch(address, { signal });
  if (!answer.ok) throw new Error(String(answer.status));
  const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    const found = (rest + value).split("\n");
    rest = found.pop();
    if (found.length) yield found.filter(Boolean).map((line) => JSON.parse(line));
  }
}

export async function* lines(address, signal) {
  for await (const batch of batches(address, signal)) yield* batch;
}

export function ask(address, values) {
  const url = new URL(address, location.href);
  for (const [name, value] of Object.entries(values)) url.searchParams.set(name, value);
  return url;
}
