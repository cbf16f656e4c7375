// Colour by mean score, thickness by visits, one mark for each kind of node: for outline and map.

function scoreColour(score) {
  const [from, to, share] =
    score < 0.5 ? ["low", "middle", score * 2] : ["middle", "high", score * 2 - 1];
  const percent = Math.round(share * 100);
  return `color-mix(in oklab, var(--score-${to}) ${percent}%, var(--score-${from}))`;
}

function thickness(tree, visits) {
  return 1.5 + (5.5 * visits) / tree.count;
}

// An edge; on the MCTS path it has a dark casing, drawn first.
function edge(d, width, colour, onPath) {
  const line = shape("path", { d, class: "edge", "stroke-width": width });
  line.style.stroke = colour;
  if (!onPath) return [line];
  return [shape("path", { d, class: "casing", "stroke-width": width + 4 }), line];
}

// Casings are beneath all edges, so that they never cut one.
function casingsFirst(lines) {
  const isCasing = (line) => line.getAttribute("class") === "casing";
  return [...lines.filter(isCasing), ...lines.filter((line) => !isCasing(line))];
}

function diamond(x, y, radius) {
  return shape("path", {
    d: `M${x - radius} ${y}L${x} ${y - radius}L${x + radius} ${y}L${x} ${y + radius}Z`,
  });
}

const MIN_RING_RADIUS = 2.5;

function mark(tree, node, x, y, radius) {
  const colour = scoreColour(tree.raw.score[node]);
  const found = [];
  const divergence = tree.raw.divergence[node];
  if (tree.raw.terminal_count[node] && radius >= MIN_RING_RADIUS) {
    const ring = divergence
      ? diamond(x, y, radius + 5)
      : shape("circle", { cx: x, cy: y, r: radius + 3 });
    ring.setAttribute("class", "end");
    found.push(ring);
  }
  const body = divergence
    ? diamond(x, y, radius + 2)
    : shape("circle", { cx: x, cy: y, r: radius });
  body.setAttribute("class", ["node", "divergence equal", "divergence mixed"][divergence]);
  if (divergence !== 1) body.style.fill = colour;
  return [...found, body];
}

// How many trajectories that end here solved the task and how many did not, and their mean score
// where that does not follow.
function endLabel(tree, node) {
  const [count, solved] = [tree.ending[node].length, successesAt(tree, node)];
  const score = tree.raw.end_score[node];
  const parts = [];
  if (solved) parts.push(`✓${solved}`);
  if (count - solved) parts.push(`✗${count - solved}`);
  if (count && Math.abs(score - solved / count) > 1e-6) parts.push(twoDigits(score));
  return parts.join(" ");
}
