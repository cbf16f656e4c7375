// The list of trees: search, filters, order.

const LIST_ROW_HEIGHT = 64;
const ANY = "any";

const OUTCOMES = {
  [ANY]: ["any", () => true],
  mixed: ["successes and failures", (s) => s.successes > 0 && s.successes < s.count],
  success: ["only successes", (s) => s.successes === s.count],
  failure: ["only failures", (s) => s.successes === 0],
  pairs: ["scores differ at a divergence", (s) => s.mixed > 0],
};

const ORDERS = {
  run: ["as in the run", (a, b) => a.index - b.index],
  mixed: ["most divergence with differing scores", (a, b) => b.mixed - a.mixed],
  high: ["highest mean score", (a, b) => b.score - a.score],
  low: ["lowest mean score", (a, b) => a.score - b.score],
  nodes: ["most nodes", (a, b) => b.nodes - a.nodes],
};

class TreeList {
  // choose(summary) is told of each tree the user goes to; enter() when Enter is pressed.
  constructor(box, choose, enter) {
    this.found = [];
    this.chosen = null;
    this.list = new VirtualList(
      box,
      LIST_ROW_HEIGHT,
      (index) => this.drawRow(this.found[index], index),
      (index) => {
        this.chosen = this.found[index];
        choose(this.chosen);
      },
    );
    box.addEventListener("keydown", (event) => {
      if (event.key !== "Enter") return;
      event.preventDefault();
      if (this.list.current < 0 && this.found.length) this.list.go(0);
      enter();
    });
    for (const [id, choices] of [
      ["outcome", OUTCOMES],
      ["order", ORDERS],
    ]) {
      const options = Object.entries(choices).map(([value, [label]]) =>
        element("option", { value }, label),
      );
      byId(id).append(...options);
    }
    const types = [...new Set(SUMMARIES.map((s) => s.type))].sort();
    byId("type").append(...[ANY, ...types].map((value) => element("option", { value }, value)));
    const form = byId("filters");
    form.addEventListener("input", () => this.filter());
    form.addEventListener("submit", (event) => event.preventDefault());
    byId("clear").addEventListener("click", () => {
      form.reset();
      this.filter();
      byId("search").focus();
    });
    byId("search").addEventListener("keydown", (event) => {
      if (event.key === "Escape" && byId("search").value) {
        event.preventDefault();
        byId("search").value = "";
        this.filter();
      } else if (event.key === "ArrowDown" || event.key === "Enter" || event.key === "Escape") {
        event.preventDefault();
        this.list.focus();
      }
    });
    this.filter();
  }

  filter() {
    const value = (id) => byId(id).value;
    const words = value("search").toLowerCase().split(/\s+/).filter(Boolean);
    const [low, high] = [Number(value("low") || 0), Number(value("high") || 1)];
    const [, accepts] = OUTCOMES[value("outcome")];
    this.found = SUMMARIES.filter(
      (s) =>
        words.every((word) => s.searched.includes(word)) &&
        (value("type") === ANY || s.type === value("type")) &&
        s.score >= low - 1e-9 &&
        s.score <= high + 1e-9 &&
        accepts(s),
    );
    const [, before] = ORDERS[value("order")];
    this.found.sort((a, b) => before(a, b) || a.index - b.index);
    const all = this.found.length === SUMMARIES.length;
    byId("count").textContent = all
      ? plural(SUMMARIES.length, "tree")
      : `${this.found.length.toLocaleString("en")} of ${plural(SUMMARIES.length, "tree")}`;
    byId("nothing").hidden = this.found.length > 0;
    byId("clear").hidden = all;
    this.list.box.scrollTop = 0;
    const index = this.found.indexOf(this.chosen);
    this.list.reset(this.found.length, index);
    if (index >= 0) this.list.setCurrent(index);
  }

  // Mark a tree as the chosen one, if the filters let it through.
  select(chosen) {
    this.chosen = chosen;
    const index = this.found.indexOf(chosen);
    if (index >= 0) this.list.setCurrent(index);
    else this.list.reset(this.found.length, -1);
  }

  drawRow(s, index) {
    // They are sorted by score, so that even places show how many scored what.
    const cells = Math.min(s.count, 16);
    const strip = Array.from({ length: cells }, (_, i) => {
      const t = s.raw.trajectories[Math.floor((i * s.count) / cells)];
      const cell = element("span", { class: t[SUCCESS] ? "cell success" : "cell" });
      cell.style.background = scoreColour(t[SCORE]);
      return cell;
    });
    const row = element(
      "div",
      {
        role: "option",
        "aria-setsize": this.found.length,
        "aria-posinset": index + 1,
        "aria-label": `${s.instruction}, ${s.type}, ${s.successes} of ${s.count} solved, mean score ${twoDigits(s.score)}`,
        title: s.id,
      },
      element("div", { class: "instruction" }, s.instruction || s.id),
      element("div", { class: "meta" }, element("span", { class: "kind" }, s.type)),
      element(
        "div",
        { class: "meta" },
        element("span", { class: "strip", "aria-hidden": "true" }, ...strip),
        element("span", {}, `${s.successes}/${s.count} solved · ${plural(s.nodes, "node")}`),
      ),
    );
    return row;
  }
}
