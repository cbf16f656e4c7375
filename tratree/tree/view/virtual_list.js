// Rows of equal height of which only those in sight exist. One row is the current one: it alone
// can be reached by Tab (roving focus), and it exists even when it is out of sight.

const SPARE_ROWS = 8;

class VirtualList {
  // drawRow(index) gives a row; choose(index) is told of each row the user goes to.
  constructor(box, rowHeight, drawRow, choose) {
    Object.assign(this, { box, rowHeight, drawRow, choose, count: 0, current: -1, whole: false });
    this.rows = new Map();
    this.inner = element("div", { class: "inner", role: "none" });
    box.append(this.inner);
    box.addEventListener("scroll", () => this.fill());
    box.addEventListener("keydown", (event) => this.keydown(event));
    box.addEventListener("click", (event) => {
      const row = event.target.closest(".row");
      if (row) this.go(Number(row.dataset.index));
    });
    new ResizeObserver(() => this.fill()).observe(box);
  }

  // Draw all again, with another number of rows or other contents; -1 marks none as the current.
  reset(count, current) {
    const focused = this.inner.contains(document.activeElement);
    this.inner.replaceChildren();
    this.rows.clear();
    this.count = count;
    this.current = current;
    this.inner.style.height = `${count * this.rowHeight}px`;
    this.fill();
    if (focused && count) this.focus();
  }

  // Whether all rows exist, for paper.
  setWhole(whole) {
    this.whole = whole;
    this.fill();
  }

  fill() {
    const above = Math.floor(this.box.scrollTop / this.rowHeight) - SPARE_ROWS;
    const first = this.whole ? 0 : Math.max(0, above);
    const inSight = Math.ceil(this.box.clientHeight / this.rowHeight) + 2 * SPARE_ROWS;
    const shown = this.whole ? this.count : inSight;
    const wanted = [];
    for (let i = first; i < Math.min(this.count, first + shown); i += 1) wanted.push(i);
    if (this.count && !wanted.includes(this.reachable)) {
      wanted.push(this.reachable);
      wanted.sort((a, b) => a - b);
    }
    for (const [index, row] of this.rows) {
      if (wanted.includes(index)) continue;
      row.remove();
      this.rows.delete(index);
    }
    let next = null;
    for (const index of wanted.reverse()) {
      let row = this.rows.get(index);
      if (!row) {
        row = this.drawRow(index);
        row.classList.add("row");
        row.dataset.index = index;
        row.style.top = `${index * this.rowHeight}px`;
        this.setChosen(row, index === this.current);
        this.rows.set(index, row);
        this.inner.insertBefore(row, next);
      }
      next = row;
    }
  }

  // The row that Tab reaches: the current one, or the first.
  get reachable() {
    return Math.max(0, this.current);
  }

  setChosen(row, chosen) {
    row.setAttribute("aria-selected", chosen);
    row.tabIndex = Number(row.dataset.index) === this.reachable ? 0 : -1;
  }

  setCurrent(index) {
    const before = this.rows.get(this.reachable);
    this.current = index;
    if (before) this.setChosen(before, false);
    this.reveal(index);
    this.fill();
    this.setChosen(this.rows.get(index), true);
  }

  reveal(index) {
    const [top, height] = [index * this.rowHeight, this.box.clientHeight];
    if (top < this.box.scrollTop) this.box.scrollTop = top;
    else if (top + this.rowHeight > this.box.scrollTop + height) {
      this.box.scrollTop = top + this.rowHeight - height;
    }
  }

  focus() {
    const row = this.rows.get(this.reachable);
    if (row) row.focus({ preventScroll: true });
  }

  go(index) {
    this.setCurrent(index);
    this.focus();
    this.choose(index);
  }

  keydown(event) {
    if (event.ctrlKey || event.metaKey || event.altKey || this.count === 0) return;
    const page = Math.max(1, Math.floor(this.box.clientHeight / this.rowHeight) - 1);
    const step = {
      ArrowDown: 1,
      ArrowUp: -1,
      PageDown: page,
      PageUp: -page,
      Home: -this.count,
      End: this.count,
    }[event.key];
    if (step === undefined) return;
    event.preventDefault();
    const next = this.current < 0 ? 0 : this.current + step;
    this.go(Math.min(this.count - 1, Math.max(0, next)));
  }
}
