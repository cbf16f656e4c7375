// The tree as rows: one a node, children beneath their parent. A node's only child stays in its
// lane; where a tree branches, every child moves one lane to the right.

const ROW_HEIGHT = 28;
const LANE = 20;
const LEFT = 14;

class Outline {
  // choose(node) is told of each node the user goes to; leave() when Escape is pressed.
  constructor(box, choose, leave) {
    this.closed = new Set();
    this.nodes = [];
    this.leave = leave;
    this.choose = choose;
    this.list = new VirtualList(
      box,
      ROW_HEIGHT,
      (index) => this.drawRow(this.nodes[index], index),
      (index) => choose(this.nodes[index]),
    );
    box.addEventListener("keydown", (event) => this.keydown(event));
    box.addEventListener("click", (event) => {
      if (event.target.closest(".toggle")) this.toggle(this.node);
    });
  }

  get node() {
    return this.nodes[this.list.current];
  }

  show(tree, node) {
    this.tree = tree;
    this.closed.clear();
    this.list.box.scrollTop = 0;
    this.list.box.setAttribute("aria-label", `Trajectory tree: ${tree.instruction}`);
    this.refresh(node);
    this.list.setCurrent(this.list.current);
  }

  // Go to a node without moving the focus, opening what it is in.
  reveal(node) {
    let hidden = false;
    for (let up = this.tree.raw.parent[node]; up >= 0; up = this.tree.raw.parent[up]) {
      hidden = this.closed.delete(up) || hidden;
    }
    if (hidden) this.refresh(node);
    this.list.setCurrent(this.nodes.indexOf(node));
  }

  go(node) {
    this.reveal(node);
    this.list.focus();
    this.choose(node);
  }

  refresh(node) {
    const { children } = this.tree;
    this.nodes = [];
    const waiting = [0];
    while (waiting.length) {
      const next = waiting.pop();
      this.nodes.push(next);
      if (!this.closed.has(next)) waiting.push(...children[next].toReversed());
    }
    this.list.reset(this.nodes.length, this.nodes.indexOf(node));
  }

  toggle(node, close = !this.closed.has(node)) {
    if (this.tree.children[node].length === 0) return;
    if (close) this.closed.add(node);
    else this.closed.delete(node);
    this.refresh(this.node);
  }

  setAll(closed) {
    const { children } = this.tree;
    this.closed = new Set(closed ? [...children.keys()].filter((v) => children[v].length > 1) : []);
    let node = this.node;
    for (let up = node; up >= 0; up = this.tree.raw.parent[up]) if (this.closed.has(up)) node = up;
    this.refresh(node);
    this.list.setCurrent(this.list.current);
    if (node !== undefined) this.choose(node);
  }

  keydown(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const { tree, node } = this;
    const { children, raw } = tree;
    const open = children[node].length > 0 && !this.closed.has(node);
    const keys = {
      ArrowRight: () => (open ? this.go(children[node][0]) : this.toggle(node, false)),
      ArrowLeft: () => {
        if (open) this.toggle(node, true);
        else if (node > 0) this.go(raw.parent[node]);
      },
      Enter: () => this.toggle(node),
      " ": () => this.toggle(node),
      d: () => this.nextDivergence(1),
      D: () => this.nextDivergence(-1),
      m: () => this.go(raw.path[raw.path.length - 1]),
      Escape: () => this.leave(),
    };
    if (!(event.key in keys)) return;
    event.preventDefault();
    keys[event.key]();
  }

  nextDivergence(direction) {
    const { nodes, tree } = this;
    for (let i = this.list.current + direction; i >= 0 && i < nodes.length; i += direction) {
      if (tree.raw.divergence[nodes[i]]) {
        this.go(nodes[i]);
        return;
      }
    }
  }

  drawRow(node, index) {
    const { tree } = this;
    const { raw, children } = tree;
    const siblings = node === 0 ? [0] : children[raw.parent[node]];
    const closed = this.closed.has(node);
    const action = actionOf(tree, node);
    const [visits, score] = [raw.visits[node], twoDigits(raw.score[node])];
    const row = element("div", {
      role: "treeitem",
      class: tree.onPath[node] ? "on-path" : "",
      "aria-level": tree.depth[node] + 1,
      "aria-setsize": siblings.length,
      "aria-posinset": siblings.indexOf(node) + 1,
      "aria-label": [
        node === 0 ? `Task: ${action}` : `Step ${tree.depth[node]}: ${action}`,
        ...marksOf(tree, node),
        plural(visits, "visit"),
        `mean score ${score}`,
        ...(tree.ending[node].length
          ? [`ends here: ${plural(tree.ending[node].length, "trajectory", "trajectories")}`]
          : []),
      ].join(", "),
    });
    row.dataset.node = node;
    if (children[node].length) row.setAttribute("aria-expanded", !closed);
    row.append(
      this.drawGraph(node, index),
      element("span", {
        class: `toggle${children[node].length ? "" : " none"}${children[node].length > 1 || closed ? " branching" : ""}`,
        "aria-hidden": "true",
      }),
      element("span", { class: "step" }, node === 0 ? "" : String(tree.depth[node])),
      element("span", { class: "action" }, action),
      element(
        "span",
        { class: "seen" },
        closed ? `… ${plural(this.countBelow(node), "node")} closed` : observationOf(tree, node),
      ),
      element("span", { class: "ends" }, endLabel(tree, node)),
      element("span", { class: "number" }, String(visits)),
      element("span", { class: "number" }, score),
    );
    return row;
  }

  countBelow(node) {
    const waiting = [...this.tree.children[node]];
    let count = 0;
    while (waiting.length) {
      count += 1;
      waiting.push(...this.tree.children[waiting.pop()]);
    }
    return count;
  }

  // The part of the graph in a row: lanes that pass, the edge in, the edge out.
  drawGraph(node) {
    const { tree } = this;
    const { raw, children, lane, onPath, after, pathAfter } = tree;
    const x = (v) => LEFT + lane[v] * LANE;
    const middle = ROW_HEIGHT / 2;
    const lines = [];
    const trunk = (at, from, to, visits, path) =>
      lines.push(...edge(`M${x(at)} ${from}V${to}`, thickness(tree, visits), "var(--trunk)", path));
    for (let v = node; v > 0; v = raw.parent[v]) {
      if (after[v] && v !== node) trunk(raw.parent[v], 0, ROW_HEIGHT, after[v], pathAfter[v]);
    }
    if (node > 0) {
      const parent = raw.parent[node];
      const [left, right] = [x(parent), x(node)];
      if (after[node]) trunk(parent, 0, ROW_HEIGHT, after[node], pathAfter[node]);
      const d =
        left === right
          ? `M${right} 0V${middle}`
          : `M${left} 0C${left} ${middle} ${left} ${middle} ${right} ${middle}`;
      lines.push(
        ...edge(d, thickness(tree, raw.visits[node]), scoreColour(raw.score[node]), onPath[node]),
      );
    }
    const below = this.closed.has(node) ? [] : children[node];
    if (below.length === 1) {
      const [child] = below;
      lines.push(
        ...edge(
          `M${x(node)} ${middle}V${ROW_HEIGHT}`,
          thickness(tree, raw.visits[child]),
          scoreColour(raw.score[child]),
          onPath[child],
        ),
      );
    } else if (below.length) {
      const visits = after[below[0]] + raw.visits[below[0]];
      trunk(node, middle, ROW_HEIGHT, visits, pathAfter[below[0]] | onPath[below[0]]);
    }
    return shape(
      "svg",
      { width: x(node) + LEFT, height: ROW_HEIGHT, "aria-hidden": "true" },
      ...casingsFirst(lines),
      ...mark(tree, node, x(node), middle, 4.5),
    );
  }
}
