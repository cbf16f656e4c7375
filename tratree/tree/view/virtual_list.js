// Rows of equal height of which only those in sight exist. One row is the current one: it alone
// can be reached by Tab (roving focus), and it exists even when it is out of sight.

const SPARE_ROWS = 8;

class VirtualList {
  // drawRow(index) gives a row; choose(index) is told of each row the user goes to.
  constructor(box, rowHeight, drawRow, choose) {
    Object.assign(this, { box, rowHeight, drawRow, choose, count: 0, current: -1 });
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

  // Draw all again, with another number of rows or other contents.
  reset(count, current) {
    const focused = this.inner.contains(document.activeElement);
    this.inner.replaceChildren();
    this.rows.clear();
    this.count = count;
    this.current = count ? Math.max(0, current) : -1;
    this.inner.style.height = `${count * this.rowHeight}px`;
    this.fill();
    if (focused && count) this.focus();
  }

  fill() {
    const first = Math.max(0, Math.floor(this.box.scrollTop / this.rowHeight) - SPARE_ROWS);
    const shown = Math.ceil(this.box.clientHeight / this.rowHeight) + 2 * SPARE_ROWS;
    const wanted = [];
    for (let i = first; i < Math.min(this.count, first + shown); i += 1) wanted.push(i);
    if (this.current >= 0 && !wanted.includes(this.current)) {
      wanted.push(this.current);
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

  setChosen(row, chosen) {
    row.setAttribute("aria-selected", chosen);
    row.tabIndex = chosen ? 0 : -1;
  }

  setCurrent(index) {
    const before = this.rows.get(this.current);
    if (before) this.setChosen(before, false);
    this.current = index;
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
    const row = this.rows.get(this.current);
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
    this.go(Math.min(this.count - 1, Math.max(0, this.current + step)));
  }
}
