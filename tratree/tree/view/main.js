// Wires list, outline, map and details together, and keeps the address in step with them.

let opened = null;

const details = new Details(byId("details"), (node) => outline.go(node));
const outline = new Outline(byId("tree"), showNode, () => trees.list.focus());
const map = new TreeMap(byId("map"), (node) => outline.go(node));
const trees = new TreeList(
  byId("list"),
  (chosen) => showTree(chosen, 0),
  () => outline.list.focus(),
);

function showTree(chosen, node) {
  opened = openTree(chosen);
  byId("task").replaceChildren(
    element("h2", {}, opened.instruction || opened.id),
    element("p", { class: "meta" }, opened.id),
    element("p", { class: "meta" }, describe(opened)),
  );
  map.node = undefined;
  map.show(opened);
  outline.show(opened, node);
  showNode(node);
}

function describe(tree) {
  return [
    `${plural(tree.count, "trajectory", "trajectories")}, ${tree.successes} solved`,
    `mean score ${twoDigits(tree.score)}`,
    `${plural(tree.diverging, "divergence point")}, ${tree.mixed} with differing scores`,
    `MCTS path scores ${twoDigits(tree.raw.path_score)}`,
  ].join(" · ");
}

function showNode(node) {
  map.select(node);
  details.show(opened, node);
  const address = new URLSearchParams({ tree: opened.id, node });
  try {
    history.replaceState(null, "", `#${address}`);
  } catch {
    // A page inside another one may have no address of its own.
  }
}

// Open what the address names: #tree=TASK_ID&node=NUMBER.
function followAddress() {
  const address = new URLSearchParams(location.hash.slice(1));
  const named = SUMMARIES.find((s) => s.id === address.get("tree"));
  const chosen = named || trees.found[0] || SUMMARIES[0];
  const asked = named ? Number(address.get("node")) : 0;
  const node = Number.isInteger(asked) && asked >= 0 && asked < chosen.nodes ? asked : 0;
  trees.select(chosen);
  showTree(chosen, node);
  if (address.has("tree") && !named) {
    byId("task").prepend(
      element(
        "p",
        { class: "warning", role: "alert" },
        `There is no tree of task ${address.get("tree")} on this page; this is another one.`,
      ),
    );
  }
}

function legend() {
  const key = (text, width, ...drawn) =>
    element(
      "span",
      { class: "key" },
      shape("svg", { width, height: 18, "aria-hidden": "true" }, ...drawn),
      text,
    );
  const node = {
    raw: { score: [1, 0.5, 0.5], divergence: [0, MIXED, 1], terminal_count: [1, 0, 0] },
  };
  return [
    element(
      "span",
      { class: "key" },
      "mean score 0",
      element("span", { class: "gradient", "aria-hidden": "true" }),
      "1",
    ),
    key(
      "visits",
      34,
      ...edge("M2 6H32", 1.5, "var(--trunk)"),
      ...edge("M2 13H32", 6, "var(--trunk)"),
    ),
    key("MCTS path", 34, ...edge("M2 9H32", 4, scoreColour(1), true)),
    key("divergence point, scores differ", 18, ...mark(node, 1, 9, 9, 4.5)),
    key("equal scores", 18, ...mark(node, 2, 9, 9, 4.5)),
    key("end: ✓ solved, ✗ not", 18, ...mark(node, 0, 9, 9, 4)),
  ];
}

byId("totals").textContent = [
  plural(SUMMARIES.length, "tree"),
  plural(
    SUMMARIES.reduce((sum, s) => sum + s.count, 0),
    "trajectory",
    "trajectories",
  ),
  plural(
    SUMMARIES.reduce((sum, s) => sum + s.nodes, 0),
    "node",
  ),
].join(" · ");
byId("legend").append(...legend());
byId("expand").addEventListener("click", () => outline.setAll(false));
byId("collapse").addEventListener("click", () => outline.setAll(true));
addEventListener("hashchange", followAddress);
// Keys work wherever the focus is, where nothing else takes them; buttons and texts take all but
// letters.
addEventListener("keydown", (event) => {
  const within = (selector) => event.target.closest && event.target.closest(selector);
  if (event.defaultPrevented || within("input, select")) return;
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.key === "/") {
    event.preventDefault();
    byId("search").select();
  } else if (!within("button, aside") || /^[a-z]$/i.test(event.key)) {
    outline.list.keydown(event);
    outline.keydown(event);
  }
});
addEventListener("beforeprint", () => outline.list.setWhole(true));
addEventListener("afterprint", () => outline.list.setWhole(false));
followAddress();
outline.list.focus();
