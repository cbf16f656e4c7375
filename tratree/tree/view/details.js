// All texts and figures of one node.

class Details {
  constructor(box, choose) {
    this.box = box;
    this.choose = choose;
  }

  show(tree, node) {
    this.box.replaceChildren(
      element("h2", {}, node === 0 ? "Task" : `Step ${tree.depth[node]}`),
      this.badges(tree, node),
      ...(node === 0 ? this.root(tree) : this.texts(tree, node)),
      ...this.following(tree, node),
      ...this.twins(tree, node),
      ...this.trajectories(tree, node),
    );
    this.box.scrollTop = 0;
  }

  badges(tree, node) {
    const { raw } = tree;
    const figures = `${raw.visits[node]} of ${plural(tree.count, "visit")}, mean score ${twoDigits(raw.score[node])}`;
    return element(
      "p",
      { class: "badges" },
      element("span", {}, figures),
      ...marksOf(tree, node).map((text) => element("span", { class: "badge" }, text)),
    );
  }

  root(tree) {
    return [
      ...block("Instruction", [[tree.instruction, 1]]),
      ...block("First observation", [[observationOf(tree, 0), 1]]),
    ];
  }

  texts(tree, node) {
    const thoughts = distinctTexts(tree, node, "step_thought").filter(([text]) => text);
    return [
      ...block(thoughts.length > 1 ? "Thoughts" : "Thought", thoughts),
      ...block("Action", distinctTexts(tree, node, "step_action"), "code"),
      ...block("Observation", distinctTexts(tree, node, "step_observation")),
    ];
  }

  // The next nodes, each a link.
  following(tree, node) {
    const below = tree.children[node];
    if (below.length === 0) return [];
    const rows = below.map((child) => {
      const chip = element("span", { class: "chip" });
      chip.style.background = scoreColour(tree.raw.score[child]);
      return element(
        "tr",
        {},
        element(
          "td",
          {},
          element(
            "button",
            { type: "button", class: "link", click: () => this.choose(child) },
            actionOf(tree, child),
          ),
        ),
        element("td", { class: "number" }, String(tree.raw.visits[child])),
        element("td", { class: "number" }, chip, twoDigits(tree.raw.score[child])),
      );
    });
    return table(
      below.length > 1 ? "Next actions" : "Next action",
      ["action", "visits", "mean score"],
      rows,
    );
  }

  // The nodes of equal information state, each a link.
  twins(tree, node) {
    const rows = twinsOf(tree, node).map((twin) => {
      const go = { type: "button", class: "link", click: () => this.choose(twin) };
      return element(
        "tr",
        {},
        element("td", {}, element("button", go, actionOf(tree, twin))),
        element("td", { class: "number" }, String(tree.depth[twin])),
        element("td", { class: "number" }, twoDigits(tree.raw.score[twin])),
      );
    });
    return rows.length ? table("Same state", ["reached by", "steps", "mean score"], rows) : [];
  }

  trajectories(tree, node) {
    const rows = trajectoriesThrough(tree, node).map((t) => {
      const one = tree.raw.trajectories[t];
      const length = tree.raw.trajectory_start[t + 1] - tree.raw.trajectory_start[t];
      const outcome = one[SUCCESS] ? "✓ success" : one[FINISHED] ? "✗ failed" : "✗ not finished";
      const here = tree.ending[node].includes(t) ? ", ends here" : "";
      return element(
        "tr",
        { title: textOf(one[SOURCE]) },
        element("td", {}, `${one[0]}${here}`),
        element("td", {}, outcome),
        element("td", { class: "number" }, String(length)),
        element("td", { class: "number" }, twoDigits(one[SCORE])),
      );
    });
    return table("Trajectories through it", ["sample", "outcome", "steps", "score"], rows);
  }
}

// A heading and its distinct texts; how often each came, where they differ.
function block(title, texts, kind = "text") {
  if (texts.length === 0) return [];
  const shown = texts.map(([text, count]) =>
    element(
      "div",
      { class: kind },
      ...(texts.length > 1 ? [element("span", { class: "times" }, `${count}×`)] : []),
      text,
    ),
  );
  return [element("h3", {}, title), ...shown];
}

function table(title, columns, rows) {
  const heads = columns.map((name, i) =>
    element("th", { scope: "col", class: i && i >= columns.length - 2 ? "number" : "" }, name),
  );
  return [
    element("h3", {}, title),
    element(
      "table",
      {},
      element("thead", {}, element("tr", {}, ...heads)),
      element("tbody", {}, ...rows),
    ),
  ];
}
