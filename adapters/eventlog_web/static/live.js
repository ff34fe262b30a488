// What comes: pushed by the server, taken up where a lost connection ended.

import { ask } from "./source.js";

const RECONNECT = 2000;

export class Live {
  // take(rows, version) gets what came; tell(state) gets "live", or "lost" while nobody answers.
  constructor(address, { kind, take, tell }) {
    Object.assign(this, { address, kind, take, tell, after: 0 });
  }

  start(after) {
    this.after = after;
    this.source?.close();
    const source = new EventSource(ask(this.address, { after }));
    this.source = source;
    source.addEventListener("open", () => this.tell("live"));
    source.addEventListener(this.kind, (event) => {
      this.after = Number(event.lastEventId) || this.after;
      this.take(JSON.parse(event.data));
    });
    source.addEventListener("error", () => {
      this.tell("lost");
      // A browser tries again by itself, but not after an answer that was an error.
      if (source.readyState === EventSource.CLOSED) setTimeout(() => this.start(this.after), RECONNECT);
    });
    window.addEventListener("pagehide", () => source.close(), { once: true });
  }
}
