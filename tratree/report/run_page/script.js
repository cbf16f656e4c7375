// Every text reaches the page as a text node, never as markup.

const data = JSON.parse(document.getElementById("data").textContent);
const byId = (id) => document.getElementById(id);
const ids = ["choose", "search", "outcome", "kind", "episode", "played"];
const [form, search, outcome, kind, select, place] = ids.map(byId);
const text = (number) => data.texts[number];
const ANY = "any";
let found = [];
let shown = 0;

function element(name, kind, ...children) {
  const made = document.createElement(name);
  if (kind) made.className = kind;
  made.append(...children);
  return made;
}

function option(value, label) {
  const made = element("option", "", label);
  made.value = value;
  return made;
}

const [SCORE, SUCCESS] = [0, 1];
const solved = (episode, system) =>
  system in episode.played && episode.played[system][SUCCESS];

const OUTCOMES = new Map([
  [ANY, ["any", () => true]],
  ["differ", ["scores differ", (episode) => episode.differs]],
  ["same", ["all have the same score", (episode) => !episode.differs]],
  ["none", ["solved by none", (e) => data.systems.every((_, n) => !solved(e, n))]],
]);
data.systems.forEach((system, n) => {
  OUTCOMES.set(`solved ${n}`, [`solved by ${system}`, (e) => solved(e, n)]);
  OUTCOMES.set(`only ${n}`, [
    `solved by ${system} alone`,
    (e) => data.systems.every((_, other) => solved(e, other) === (other === n)),
  ]);
});

function label(episode) {
  const scores = data.systems.map((system, index) =>
    index in episode.played ? `${system} ${episode.played[index][SCORE].toFixed(2)}` : `${system} –`,
  );
  return `${text(episode.task[3])} (${text(episode.task[1])}): ${scores.join(", ")}`;
}

// All words that an episode is found by: of its task, and the actions in it.
const searched = new Map();
function wordsOf(episode) {
  if (!searched.has(episode)) {
    const actions = Object.values(episode.played).flatMap((p) => p[3].map((step) => step[1]));
    const words = [...episode.task, ...new Set(actions)].map(text);
    searched.set(episode, words.join("\n").toLowerCase());
  }
  return searched.get(episode);
}

function filter() {
  const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
  const [, accepts] = OUTCOMES.get(outcome.value);
  found = data.episodes.flatMap((episode, index) =>
    accepts(episode) &&
    (kind.value === ANY || text(episode.task[2]) === kind.value) &&
    words.every((word) => wordsOf(episode).includes(word))
      ? [index]
      : [],
  );
  fillSelect();
  const all = data.episodes.length;
  byId("found").textContent =
    found.length === 0
      ? "Nothing found: try fewer words, or another outcome."
      : `${found.length === all ? "" : `${found.length} of `}${all} ${all === 1 ? "episode" : "episodes"}`;
  for (const id of ["previous", "next"]) byId(id).disabled = found.length < 2;
  if (found.length && !found.includes(shown)) show(found[0]);
  else select.value = found.length ? shown : "";
}

function fillSelect() {
  select.replaceChildren();
  for (const [title, differs] of [
    ["Scores differ", true],
    ["Equal scores", false],
  ]) {
    const group = element("optgroup");
    for (const index of found) {
      const episode = data.episodes[index];
      if (episode.differs === differs) group.append(option(index, label(episode)));
    }
    group.label = `${title} (${group.children.length})`;
    if (group.children.length) select.append(group);
  }
  select.disabled = found.length === 0;
}

function outcomeOf(score, success, finished, steps) {
  const said = success ? "solved" : finished ? "ended unsolved" : "not ended within the limit";
  return [
    element("span", success ? "solved" : "unsolved", `${success ? "✓" : "✗"} ${said}`),
    `, score ${score.toFixed(2)}, ${steps.length} ${steps.length === 1 ? "step" : "steps"}`,
  ];
}

// Steps with how often each came in a row; the step where systems diverge begins a row of its own.
function folded(steps, diverges) {
  const rows = [];
  steps.forEach((step, n) => {
    const last = rows.at(-1);
    const same = last && n !== diverges && last.step.every((number, i) => number === step[i]);
    if (same) last.times += 1;
    else rows.push({ step, times: 1, diverges: n === diverges });
  });
  return rows;
}

function stepItem({ step: [thought, action, seen], times, diverges }) {
  const item = element("li", diverges ? "diverges" : "");
  if (diverges) item.append(element("p", "note", "here they diverge"));
  if (text(thought)) item.append(element("p", "thought", text(thought)));
  const said = element("p", "action", text(action));
  if (times > 1) said.append(element("span", "times", ` × ${times}`));
  item.append(said, element("p", "seen", text(seen)));
  return item;
}

function column(system, number, played, diverges) {
  const head = element("header", "", element("h3", "", system));
  head.style.setProperty("--system", data.colours[number]);
  const made = element("div", "played", head);
  if (!played) {
    head.append(element("p", "note", "has not played it"));
    return made;
  }
  head.append(...outcomeOf(...played));
  made.append(element("ol", "", ...folded(played[3], diverges).map(stepItem)));
  return made;
}

function show(index) {
  shown = index;
  const episode = data.episodes[index];
  const [id, split, type, instruction] = episode.task.map(text);
  select.value = index;
  place.replaceChildren(
    element("h3", "", instruction),
    element("p", "note", [id, split, type].filter(Boolean).join(" · ")),
    element("p", "", text(episode.first)),
    element(
      "div",
      "side",
      ...data.systems.map((system, n) => column(system, n, episode.played[n], episode.diverges)),
    ),
  );
  place.children[2].id = "first";
}

// Go to an episode and name it in the address, so that the address can be shared.
function go(index) {
  show(index);
  const [id, split] = data.episodes[index].task.map(text);
  try {
    history.replaceState(null, "", `#${new URLSearchParams({ episode: id, split })}`);
  } catch {
    // A page inside another one may have no address of its own.
  }
}

function move(by) {
  if (found.length === 0) return;
  const at = found.indexOf(shown);
  go(found[(at + by + found.length) % found.length]);
}

// Open what the address names: #episode=TASK_ID&split=SPLIT.
function followAddress() {
  const address = new URLSearchParams(location.hash.slice(1));
  if (!address.has("episode")) return;
  const index = data.episodes.findIndex(({ task }) => {
    const [id, split] = task.map(text);
    return id === address.get("episode") && split === (address.get("split") ?? split);
  });
  if (index < 0) {
    place.prepend(element("p", "missing", `There is no episode ${address.get("episode")} here.`));
  } else {
    form.reset();
    shown = index;
    filter();
    show(index);
  }
  form.scrollIntoView();
}

function keydown(event) {
  const typing = event.target.closest && event.target.closest("input, select, textarea, summary");
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.target === search && event.key === "Escape") {
    search.value = "";
    filter();
    search.blur();
  }
  if (typing) return;
  const keys = {
    "/": () => {
      search.select();
      search.focus();
    },
    ArrowRight: () => move(1),
    ArrowLeft: () => move(-1),
  };
  if (!(event.key in keys)) return;
  event.preventDefault();
  keys[event.key]();
}

if (form) {
  outcome.append(...[...OUTCOMES].map(([value, [said]]) => option(value, said)));
  const kinds = [...new Set(data.episodes.map((episode) => text(episode.task[2])))].sort();
  kind.append(option(ANY, "any"), ...kinds.map((one) => option(one, one)));
  form.addEventListener("submit", (event) => event.preventDefault());
  search.addEventListener("input", filter);
  for (const choice of [outcome, kind]) choice.addEventListener("change", filter);
  select.addEventListener("change", () => go(Number(select.value)));
  byId("next").addEventListener("click", () => move(1));
  byId("previous").addEventListener("click", () => move(-1));
  addEventListener("keydown", keydown);
  addEventListener("hashchange", followAddress);
  form.hidden = false;
  show(0);
  filter();
  followAddress();
}

// Paper gets the configuration only if it is asked for.
const configured = byId("print-configuration");
if (configured) {
  configured.addEventListener("change", () => {
    document.body.classList.toggle("with-configuration", configured.checked);
    byId("configuration").open = configured.checked;
  });
}
