// A list of any length of which only what is seen is in the page.

const AHEAD = 400;
const BLOCK = 256;

export class VirtualList {
  #heights = new Float32Array(1024);
  #blocks = [];
  #shown = new Map();
  #count = 0;
  #sizer = document.createElement("div");
  #window = document.createElement("div");
  #observer = new ResizeObserver(() => this.#measure());

  // draw(index) returns an element, update(index, element) brings it to the state of now.
  constructor(scroller, { estimate, draw, update, gap = 0 }) {
    Object.assign(this, { scroller, estimate, draw, update, gap });
    this.#sizer.className = "sizer";
    this.#window.className = "window";
    this.#sizer.append(this.#window);
    scroller.addEventListener("scroll", () => this.render(), { passive: true });
    new ResizeObserver(() => this.render()).observe(scroller);
  }

  open() {
    this.scroller.replaceChildren(this.#sizer);
  }

  get count() {
    return this.#count;
  }

  set count(count) {
    if (count > this.#heights.length) {
      const grown = new Float32Array(Math.max(count, this.#heights.length * 2));
      grown.set(this.#heights);
      this.#heights = grown;
    }
    for (let index = this.#count; index < count; index++) this.#add(index, (this.#heights[index] ||= this.estimate));
    for (let index = count; index < this.#count; index++) this.#add(index, -this.#heights[index]);
    this.#count = count;
  }

  forget() {
    for (const element of this.#shown.values()) this.#drop(element);
    this.#shown.clear();
    const count = this.#count;
    this.#count = 0;
    this.#blocks = [];
    this.#heights.fill(0);
    this.count = count;
  }

  redraw(index) {
    const element = this.#shown.get(index);
    if (element) this.#drop(element);
    this.#shown.delete(index);
  }

  offset(index) {
    let top = 0;
    const block = Math.floor(index / BLOCK);
    for (let each = 0; each < block; each++) top += this.#blocks[each];
    for (let each = block * BLOCK; each < index; each++) top += this.#heights[each];
    return top;
  }

  get total() {
    return this.#blocks.reduce((sum, each) => sum + each, 0);
  }

  get isAtEnd() {
    const { scrollTop, clientHeight, scrollHeight } = this.scroller;
    return scrollTop + clientHeight >= scrollHeight - 40;
  }

  toEnd() {
    this.render(this.#count - 1, 1);
  }

  // Scrolls as little as shows an entry.
  reveal(index) {
    const top = this.offset(index);
    const { scrollTop, clientHeight } = this.scroller;
    if (top < scrollTop) this.render(index, 0.2);
    else if (top + this.#heights[index] > scrollTop + clientHeight) this.render(index, 0.8);
    else this.render();
  }

  // Draws what is seen; with `index`, that entry, at a part of the height.
  render(index = null, part = 0) {
    const height = this.scroller.clientHeight;
    if (!height || !this.#sizer.isConnected) return;
    let top = this.scroller.scrollTop;
    const anchor = index === null ? this.#at(top) : index;
    const within = index === null ? top - this.offset(anchor) : 0;
    for (let tries = 0; tries < 4; tries++) {
      const total = this.total;
      top = index === null ? this.offset(anchor) + within : this.offset(anchor) - part * (height - this.#heights[anchor]);
      top = Math.max(0, Math.min(top, total - height));
      const first = this.#at(top - AHEAD);
      const fresh = this.#fill(first, top + height + AHEAD);
      this.#sizer.style.height = `${total}px`;
      this.#window.style.transform = `translateY(${this.offset(first)}px)`;
      if (!this.#read(fresh)) break;
    }
    this.#sizer.style.height = `${this.total}px`;
    if (Math.abs(this.scroller.scrollTop - top) > 1) this.scroller.scrollTop = top;
  }

  refresh() {
    for (const [index, element] of this.#shown) this.update(index, element);
  }

  #fill(first, bottom) {
    const fresh = [];
    let y = this.offset(first);
    let index = first;
    let next = this.#window.firstElementChild;
    for (const [each, element] of this.#shown) {
      if (each >= first && each < this.#count) continue;
      if (element === next) next = null;
      this.#drop(element);
      this.#shown.delete(each);
    }
    next = this.#window.firstElementChild;
    for (; index < this.#count && y < bottom; index++) {
      let element = this.#shown.get(index);
      if (!element) {
        element = this.draw(index);
        this.update(index, element);
        this.#shown.set(index, element);
        this.#observer.observe(element);
        fresh.push(index);
      }
      if (element === next) next = next.nextElementSibling;
      else this.#window.insertBefore(element, next);
      y += this.#heights[index];
    }
    for (const [each, element] of this.#shown) {
      if (each < index) continue;
      this.#drop(element);
      this.#shown.delete(each);
    }
    return fresh;
  }

  #read(indexes) {
    const sizes = indexes.map((index) => [index, this.#shown.get(index)?.offsetHeight]);
    let changed = false;
    for (const [index, size] of sizes) changed = this.#size(index, size) || changed;
    return changed;
  }

  #measure() {
    if (this.#read([...this.#shown.keys()])) this.render();
  }

  #size(index, size) {
    if (!size) return false;
    const grown = size + this.gap - this.#heights[index];
    if (Math.abs(grown) < 0.5) return false;
    this.#heights[index] += grown;
    this.#add(index, grown);
    return true;
  }

  #add(index, height) {
    const block = Math.floor(index / BLOCK);
    this.#blocks[block] = (this.#blocks[block] ?? 0) + height;
  }

  #at(offset) {
    let block = 0;
    let y = 0;
    while (block < this.#blocks.length - 1 && y + this.#blocks[block] <= offset) y += this.#blocks[block++];
    let index = block * BLOCK;
    while (index < this.#count - 1 && y + this.#heights[index] <= offset) y += this.#heights[index++];
    return index;
  }

  #drop(element) {
    this.#observer.unobserve(element);
    element.remove();
  }
}
