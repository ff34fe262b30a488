// Plays a conversation: some events a second, until the end.

const BEAT = 700;

export class Player {
  #timer = 0;
  #speed = 1;

  constructor(step, isOver) {
    Object.assign(this, { step, isOver, button: document.getElementById("play") });
  }

  get isPlaying() {
    return this.#timer !== 0;
  }

  toggle(rewind) {
    if (this.isPlaying) return this.pause();
    if (this.isOver()) rewind();
    this.#run();
    return this.#show();
  }

  pause() {
    clearInterval(this.#timer);
    this.#timer = 0;
    this.#show();
  }

  setSpeed(speed) {
    this.#speed = speed;
    if (this.isPlaying) this.#run();
  }

  #run() {
    clearInterval(this.#timer);
    this.#timer = setInterval(() => {
      this.step(1);
      if (this.isOver()) this.pause();
    }, BEAT / this.#speed);
  }

  #show() {
    this.button.textContent = this.isPlaying ? "❚❚" : "▶";
    this.button.setAttribute("aria-label", this.isPlaying ? "Pause" : "Play");
  }
}
