// The whole tree as one picture: steps from left to right, one line a leaf. For the eye and the
// mouse; the outline holds the same for the keyboard and for readers of screens.

const MAP_LEFT = 20;
const MAP_RIGHT = 56;
const MAP_TOP = 14;
const AXIS = 24;

class TreeMap {
  constructor(svg, choose) {
    this.svg = svg;
    this.choose = choose;
    svg.addEventListener("click", (event) => this.click(event));
    new ResizeObserver(() => this.tree && this.draw()).observe(svg.parentElement);
  }

  show(tree) {
    this.tree = tree;
    this.y = this.rowsOf(tree);
    const leaves = tree.children.filter((below) => below.length === 0).length;
    this.gap = Math.max(3, Math.min(20, 230 / leaves));
    this.height = (leaves - 1) * this.gap + 2 * MAP_TOP + AXIS;
    this.width = 0;
    this.draw();
  }

  // Leaves from top to bottom as in the outline; a parent in the middle of its children.
  rowsOf({ children, nodes }) {
    const y = new Float64Array(nodes);
    const waiting = [0];
    let leaf = 0;
    while (waiting.length) {
      const node = waiting.pop();
      if (children[node].length === 0) y[node] = leaf++;
      waiting.push(...children[node].toReversed());
    }
    for (let node = nodes - 1; node >= 0; node -= 1) {
      const below = children[node];
      if (below.length) y[node] = (y[below[0]] + y[below[below.length - 1]]) / 2;
    }
    return y;
  }

  position(node) {
    return [MAP_LEFT + this.tree.depth[node] * this.stride, MAP_TOP + this.y[node] * this.gap];
  }

  draw() {
    const { tree, svg } = this;
    const room = svg.parentElement.clientWidth;
    if (room === this.width) return;
    this.width = room;
    const deepest = Math.max(1, tree.depth[tree.nodes - 1]);
    this.stride = Math.max(7, Math.min(72, (room - MAP_LEFT - MAP_RIGHT) / deepest));
    const width = Math.max(room, MAP_LEFT + deepest * this.stride + MAP_RIGHT);
    const viewBox = `0 0 ${width} ${this.height}`;
    fill(svg, { width, height: this.height, viewBox, "aria-label": this.description() }, []);
    this.selection = shape("circle", { class: "selection", r: 9 });
    svg.replaceChildren(...this.axis(deepest), ...this.edges(), this.selection, ...this.marks());
    if (this.node !== undefined) this.select(this.node);
  }

  description() {
    const { tree } = this;
    return `Overview of ${plural(tree.nodes, "node")}, ${plural(tree.diverging, "divergence point")}; the outline below holds the same`;
  }

  axis(deepest) {
    const found = [];
    const every = deepest > 60 ? 20 : deepest > 12 ? 5 : 1;
    for (let step = 0; step <= deepest; step += every) {
      const x = MAP_LEFT + step * this.stride;
      found.push(
        shape("path", { class: "grid", d: `M${x} 0V${this.height - AXIS + 4}` }),
        shape(
          "text",
          { class: "axis", x, y: this.height - 6, "text-anchor": "middle" },
          step === 0 ? "step 0" : String(step),
        ),
      );
    }
    return found;
  }

  edges() {
    const { tree, stride } = this;
    const lines = [];
    for (let node = 1; node < tree.nodes; node += 1) {
      const [[x0, y0], [x, y]] = [this.position(tree.raw.parent[node]), this.position(node)];
      const bend = x0 + stride / 2;
      const d =
        y === y0 ? `M${x0} ${y0}H${x}` : `M${x0} ${y0}C${bend} ${y0} ${bend} ${y} ${x} ${y}`;
      const width = Math.min(thickness(tree, tree.raw.visits[node]), Math.max(1.5, this.gap * 0.7));
      lines.push(...edge(d, width, scoreColour(tree.raw.score[node]), tree.onPath[node]));
    }
    return [...casingsFirst(lines), ...this.jumps()];
  }

  // Where the path continues after another node of equal state.
  jumps() {
    const { path, parent } = this.tree.raw;
    return path.slice(1).flatMap((node, i) => {
      const [from, to] = [path[i], parent[node]];
      if (from === to) return [];
      const [[x0, y0], [x, y]] = [this.position(from), this.position(to)];
      return [shape("path", { class: "jump", d: `M${x0} ${y0}L${x} ${y}` })];
    });
  }

  marks() {
    const { tree, gap } = this;
    const found = [];
    for (let node = 0; node < tree.nodes; node += 1) {
      const [x, y] = this.position(node);
      const special = tree.raw.divergence[node] || tree.ending[node].length || node === 0;
      if (special) found.push(...mark(tree, node, x, y, Math.min(3.5, gap / 3)));
      if (tree.ending[node].length && tree.children[node].length === 0 && gap >= 10) {
        found.push(
          shape("text", { class: "end-label", x: x + 11, y: y + 4 }, endLabel(tree, node)),
        );
      }
    }
    return found;
  }

  select(node) {
    this.node = node;
    const [x, y] = this.position(node);
    fill(this.selection, { cx: x, cy: y }, []);
    const box = this.svg.parentElement;
    if (x < box.scrollLeft || x > box.scrollLeft + box.clientWidth)
      box.scrollLeft = x - box.clientWidth / 2;
    if (y < box.scrollTop || y > box.scrollTop + box.clientHeight)
      box.scrollTop = y - box.clientHeight / 2;
  }

  click(event) {
    const box = this.svg.getBoundingClientRect();
    const [x, y] = [event.clientX - box.left, event.clientY - box.top];
    let [nearest, distance] = [0, Infinity];
    for (let node = 0; node < this.tree.nodes; node += 1) {
      const [nx, ny] = this.position(node);
      const d = (nx - x) ** 2 + (ny - y) ** 2;
      if (d < distance) [nearest, distance] = [node, d];
    }
    this.choose(nearest);
  }
}
