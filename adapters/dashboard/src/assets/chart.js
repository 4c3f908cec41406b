// A chart that the server has drawn: the value under the pointer, and which range somebody selects.

class Chart {
  // `read` is told what to say of a point, `select` which times were dragged over, in milliseconds.
  constructor(holder, read, select) {
    this.holder = holder;
    this.read = read;
    this.select = select;
    this.points = [];
    this.at = null;
    this.dragged = null;
    holder.addEventListener("pointermove", (event) => this.move(event));
    holder.addEventListener("pointerdown", (event) => this.press(event));
    holder.addEventListener("pointerup", (event) => this.release(event));
    holder.addEventListener("pointercancel", () => this.drop());
    holder.addEventListener("pointerleave", () => { if (this.dragged === null) this.point(null); });
    holder.addEventListener("keydown", (event) => this.key(event));
  }

  // Takes over what has just been put in place.
  taken() {
    const figure = this.holder.querySelector("figure");
    this.points = figure?.dataset.points ? JSON.parse(figure.dataset.points) : [];
    this.figure = figure;
    const { left, right, top, bottom, width } = figure?.dataset || {};
    Object.assign(this, { left: +left, right: +right, top: +top, bottom: +bottom, width: +width });
    this.from = Date.parse(figure?.dataset.from);
    this.to = Date.parse(figure?.dataset.to);
    this.dragged = null;
    if (this.at !== null && this.points.length > 0) this.point(this.nearest(this.at), true);
  }

  get plot() { return this.holder.querySelector(".plot"); }
  get scale() { return this.plot.querySelector("svg").getBoundingClientRect().width / this.width; }
  place(time) { return (this.left + (time - this.from) / (this.to - this.from) * (this.right - this.left)) * this.scale; }

  timeUnder(event) {
    const x = (event.clientX - this.plot.getBoundingClientRect().left) / this.scale;
    const share = Math.min(Math.max((x - this.left) / (this.right - this.left), 0), 1);
    return this.from + share * (this.to - this.from);
  }

  nearest(time) {
    let best = 0;
    this.points.forEach(([at], index) => {
      if (Math.abs(at - time) < Math.abs(this.points[best][0] - time)) best = index;
    });
    return best;
  }

  point(index, isQuiet = false) {
    const cursor = this.holder.querySelector(".cursor");
    if (!cursor) return;
    cursor.hidden = index === null;
    if (index === null) { this.at = null; return; }
    const [time, height] = this.points[index];
    this.at = time;
    cursor.style.left = `${this.place(time)}px`;
    cursor.style.top = `${this.top * this.scale}px`;
    cursor.style.height = `${(this.bottom - this.top) * this.scale}px`;
    cursor.style.setProperty("--height", `${(1 - height) * 100}%`);
    if (!isQuiet) this.read(this.points[index], this.figure.dataset.measure);
  }

  move(event) {
    if (this.points.length === 0 || !this.plot?.contains(event.target)) return;
    const time = this.timeUnder(event);
    this.point(this.nearest(time));
    if (this.dragged === null) return;
    const [from, to] = [this.dragged, time].sort((a, b) => a - b);
    const selection = this.holder.querySelector(".selection");
    selection.hidden = false;
    selection.style.left = `${this.place(from)}px`;
    selection.style.width = `${this.place(to) - this.place(from)}px`;
    selection.style.top = `${this.top * this.scale}px`;
    selection.style.height = `${(this.bottom - this.top) * this.scale}px`;
  }

  press(event) {
    if (event.button !== 0 || this.points.length === 0 || !this.plot?.contains(event.target)) return;
    this.dragged = this.timeUnder(event);
    this.plot.setPointerCapture?.(event.pointerId);
  }

  release(event) {
    if (this.dragged === null) return;
    const [from, to] = [this.dragged, this.timeUnder(event)].sort((a, b) => a - b);
    this.drop();
    // A click is no range.
    if ((to - from) / (this.to - this.from) > 0.01) this.select(from, to);
  }

  drop() {
    this.dragged = null;
    const selection = this.holder.querySelector(".selection");
    if (selection) selection.hidden = true;
  }

  key(event) {
    if (this.points.length === 0 || event.target !== this.plot || event.ctrlKey || event.metaKey || event.altKey) return;
    const last = this.points.length - 1;
    const index = this.at === null ? last : this.nearest(this.at);
    const middle = this.points[index][0];
    const half = (this.to - this.from) / 4;
    const moves = {
      ArrowLeft: () => this.point(Math.max(index - 1, 0)),
      ArrowRight: () => this.point(Math.min(this.at === null ? last : index + 1, last)),
      Home: () => this.point(0),
      End: () => this.point(last),
      "+": () => this.select(middle - half, middle + half),
      "-": () => this.select(this.from - 2 * half, this.to + 2 * half),
      0: () => this.select(null, null),
    };
    const move = moves[event.key];
    if (!move) return;
    event.preventDefault();
    move();
  }
}
