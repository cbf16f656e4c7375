// The trees as they came (see data.py), and what the views need to know of one of them.

const DATA = JSON.parse(byId("data").textContent);
const MIXED = 2;
const [SCORE, SUCCESS, FINISHED, SOURCE] = [1, 2, 3, 4];

function textOf(number) {
  return DATA.texts[number];
}

// In a graph, the lowest node of an information state counts for all of them.
function namesState(raw, node) {
  return !raw.state || raw.state[node] === node;
}

// A line of the list: what is asked of every tree without opening it.
function summary(raw, index) {
  const [id, split, type, instruction] = raw.task.map(textOf);
  const count = raw.trajectories.length;
  return {
    index,
    raw,
    id,
    split,
    type,
    instruction,
    count,
    nodes: raw.parent.length,
    score: raw.score[0],
    successes: raw.trajectories.filter((t) => t[SUCCESS]).length,
    diverging: raw.divergence.filter((mark, node) => mark > 0 && namesState(raw, node)).length,
    mixed: raw.divergence.filter((mark, node) => mark === MIXED && namesState(raw, node)).length,
    searched: `${id} ${type} ${instruction}`.toLowerCase(),
  };
}

const SUMMARIES = DATA.trees.map(summary);

// One tree, opened. Nodes are numbered level by level: parents come before their children.
// Children are shown best first: by mean score, then visits, then number.
function openTree(of) {
  const { raw, nodes } = of;
  const children = Array.from({ length: nodes }, () => []);
  const depth = new Int32Array(nodes);
  for (let node = 1; node < nodes; node += 1) {
    children[raw.parent[node]].push(node);
    depth[node] = depth[raw.parent[node]] + 1;
  }
  const best = (a, b) => raw.score[b] - raw.score[a] || raw.visits[b] - raw.visits[a] || a - b;
  for (const siblings of children) siblings.sort(best);

  const onPath = new Uint8Array(nodes);
  for (const node of raw.path) onPath[node] = 1;
  // What still follows below a node's siblings: visits, and whether the MCTS path is among them.
  const after = new Int32Array(nodes);
  const pathAfter = new Uint8Array(nodes);
  const lane = new Int32Array(nodes);
  for (let node = 0; node < nodes; node += 1) {
    const siblings = children[node];
    for (let place = siblings.length - 1; place >= 0; place -= 1) {
      const [child, next] = [siblings[place], siblings[place + 1]];
      lane[child] = lane[node] + (siblings.length > 1 ? 1 : 0);
      if (next === undefined) continue;
      after[child] = after[next] + raw.visits[next];
      pathAfter[child] = pathAfter[next] | onPath[next];
    }
  }

  const steps = Array.from({ length: nodes }, () => []);
  const ending = Array.from({ length: nodes }, () => []);
  const owner = new Int32Array(raw.step_node.length);
  for (let t = 0; t < of.count; t += 1) {
    const [start, end] = [raw.trajectory_start[t], raw.trajectory_start[t + 1]];
    for (let step = start; step < end; step += 1) {
      owner[step] = t;
      steps[raw.step_node[step]].push(step);
    }
    ending[end > start ? raw.step_node[end - 1] : 0].push(t);
  }
  return { ...of, children, depth, onPath, after, pathAfter, lane, steps, ending, owner };
}

function actionOf(tree, node) {
  return node === 0
    ? tree.instruction
    : textOf(tree.raw.step_action[tree.steps[node][0]]) || "(empty)";
}

function observationOf(tree, node) {
  return textOf(node === 0 ? tree.raw.first : tree.raw.step_observation[tree.steps[node][0]]);
}

// The distinct texts of a node in one column, the representative's first: [text, how often].
function distinctTexts(tree, node, column) {
  const counts = new Map();
  for (const step of tree.steps[node]) {
    const text = textOf(tree.raw[column][step]);
    counts.set(text, (counts.get(text) || 0) + 1);
  }
  return [...counts];
}

function trajectoriesThrough(tree, node) {
  if (node === 0) return tree.raw.trajectories.map((_, t) => t);
  return tree.steps[node].map((step) => tree.owner[step]);
}

function successesAt(tree, node) {
  return tree.ending[node].filter((t) => tree.raw.trajectories[t][SUCCESS]).length;
}

// The other nodes of its information state, in a graph.
function twinsOf(tree, node) {
  const { state } = tree.raw;
  if (!state) return [];
  return [...state.keys()].filter((other) => other !== node && state[other] === state[node]);
}

// What the page says of a node in addition to its texts.
function marksOf(tree, node) {
  const found = [];
  if (tree.raw.divergence[node] === MIXED) found.push("divergence point, scores differ");
  else if (tree.raw.divergence[node]) found.push("divergence point, equal scores");
  if (tree.onPath[node]) found.push("on the MCTS path");
  const twins = twinsOf(tree, node).length;
  if (twins) found.push(`same state as ${plural(twins, "other node")}`);
  return found;
}
