// Every text reaches the page as a text node, never as markup.

const data = JSON.parse(document.getElementById("data").textContent);
const [form, select, place] = ["choose", "episode", "played"].map((id) => document.getElementById(id));
const text = (number) => data.texts[number];

function element(name, kind, ...children) {
  const made = document.createElement(name);
  if (kind) made.className = kind;
  made.append(...children);
  return made;
}

function label(episode) {
  const scores = data.systems.map((system, index) =>
    index in episode.played ? `${system} ${episode.played[index][0].toFixed(2)}` : `${system} –`,
  );
  return `${text(episode.task[3])} (${text(episode.task[1])}): ${scores.join(", ")}`;
}

function fillSelect() {
  const groups = [
    ["They differ", true],
    ["They have the same score", false],
  ];
  for (const [title, differs] of groups) {
    const group = element("optgroup");
    data.episodes.forEach((episode, index) => {
      if (episode.differs !== differs) return;
      const option = element("option", "", label(episode));
      option.value = index;
      group.append(option);
    });
    group.label = `${title} (${group.children.length})`;
    if (group.children.length) select.append(group);
  }
}

function outcome(score, success, finished, steps) {
  const said = success ? "solved" : finished ? "ended unsolved" : "not ended within the limit";
  return [
    element("span", success ? "solved" : "unsolved", `${success ? "✓" : "✗"} ${said}`),
    `, score ${score.toFixed(2)}, ${steps.length} ${steps.length === 1 ? "step" : "steps"}`,
  ];
}

function stepItem([thought, action, seen], parts) {
  const item = element("li", parts ? "parts" : "");
  if (parts) item.append(element("p", "note", "here they diverge"));
  if (text(thought)) item.append(element("p", "thought", text(thought)));
  item.append(element("p", "action", text(action)), element("p", "seen", text(seen)));
  return item;
}

function column(system, played, parts) {
  const head = element("header", "", element("h3", "", system));
  const made = element("div", "played", head);
  if (!played) {
    head.append(element("p", "note", "has not played it"));
    return made;
  }
  head.append(...outcome(...played));
  made.append(element("ol", "", ...played[3].map((step, n) => stepItem(step, n === parts))));
  return made;
}

function show(index) {
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
      ...data.systems.map((system, n) => column(system, episode.played[n], episode.parts)),
    ),
  );
  place.children[2].id = "first";
}

function move(by) {
  const count = data.episodes.length;
  show((Number(select.value) + by + count) % count);
}

if (select) {
  fillSelect();
  select.addEventListener("change", () => show(Number(select.value)));
  document.getElementById("next").addEventListener("click", () => move(1));
  document.getElementById("previous").addEventListener("click", () => move(-1));
  form.hidden = false;
  show(0);
}
addEventListener("beforeprint", () => {
  for (const details of document.querySelectorAll("details")) details.open = true;
});
