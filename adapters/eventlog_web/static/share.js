// The page of a file: all that a server would answer is in it.

import { open } from "./conversation.js";
import { Seal } from "./seal.js";

class Held {
  constructor(data) {
    this.data = data;
  }

  rows(take) {
    take(this.data.rows);
  }

  drawn(version) {
    return this.data.drawn[version] ?? [];
  }

  inspect(version) {
    return this.data.events[version] ?? { version, fields: [], error: "It is missing from the log." };
  }
}

const held = (id) => JSON.parse(document.getElementById(id).textContent);
const shown = document.getElementById("view");

open(shown, new Held(held("data")), {
  onReady(page) {
    const { branch, made } = shown.dataset;
    page.seal = new Seal(document.getElementById("seal"), document.getElementById("sealed"), "", {
      branch, made, choose: (version) => page.go(version), onFound: () => page.distrust(),
    });
    page.seal.take(held("found"));
    page.goTo(location.hash.slice(1));
  },
});
