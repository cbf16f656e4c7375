"""Steps of an episode: what the agent did, and what it saw before or after."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tratree.trajectory.reading.answers import come_after
from tratree.trajectory.reading.goals import stated_goal, the_task
from tratree.trajectory.reading.parts import text_of
from tratree.trajectory.reading.record_error import RecordError
from tratree.trajectory.reading.roles import ROLES, is_message, is_role, role_of
from tratree.trajectory.reading.step_fields import is_asked_and_said, is_step, plain_step
from tratree.trajectory.turn_parsing import parse_turn
from tratree.trajectory.words import words

_ALL_SEEN = words(
    "observations observation observation_history obs states prompts input inputs user human "
    "user_messages human_messages "
    "feedbacks feedback"
)
_ALL_DONE = words(
    "actions action action_history acts act responses output outputs assistant gpt walkthrough "
    "agent_messages assistant_messages "
    "commands"
)
GOALS = words(
    "goal task task_description taskdescription instruction question objective query input "
    "description"
)
_OPENINGS = words(
    "initial_observation init_observation initial_obs init_obs first_observation first_obs "
    "reset_observation reset_obs initial_state init_prompt initial_prompt intro introduction "
    "context cur_query _cur_query"
)
_ENDS = words(
    "final_observation final_obs last_observation last_obs terminal_observation final_state"
)
_ALL_AFTER = words(
    "next_observations next_observation next_obs obs_next next_states next_state new_observations"
)
_ALL_SAID = words("thoughts thought reasonings reasoning")
_RESETS = frozenset(("", *words("reset init initial env.reset begin none null end done")))
ASSUMED = "trajectories whose observations are assumed to answer the actions beside them"
"""The remark on steps whose fields are in the order of the alphabet, and whose texts tell none."""

_MOST_WORDS = 20
"""Words of an action that has no label."""


def stated_opening(record: Mapping[str, Any], shown: str = "") -> str:
    """Return how an episode opens by what its record says beside its steps: goal, then scene.

    Args:
        record: The record.
        shown: The scene, where the steps begin with it.
    """
    facts = {
        str(key).lower(): value
        for part in (*(v for v in record.values() if isinstance(v, Mapping)), record)
        for key, value in part.items()
        if isinstance(value, str) and " " in value
    }
    goal, scene = (
        next((facts[n] for n in names if n in facts), "") for names in (GOALS, _OPENINGS)
    )
    goal, scene = goal.strip(), the_task(shown or scene)[1].strip()
    if not goal or goal in scene or (shown and stated_goal(shown)):
        return scene
    return "\n".join(filter(None, (goal if stated_goal(goal) else f"Task: {goal}", scene)))


def last_seen(record: Mapping[str, Any]) -> list[str]:
    """Return what a record says was seen at the end, beside its steps."""
    return [record[name] for name in _ENDS if isinstance(record.get(name), str)][:1]


def _is_another(seen: str, opening: str) -> bool:
    """Return whether an observation states a goal as the opening does, but is no part of it."""
    texts = " ".join(seen.split()), " ".join(opening.split())
    return all(map(stated_goal, texts)) and texts[0] not in texts[1] and texts[1] not in texts[0]


def side_by_side(record: Mapping[str, Any]) -> list[dict[str, str]]:
    """Return the steps of a record with observations and actions in lists of their own."""
    seen, done = (
        next((_texts(record[n]) for n in names if isinstance(record.get(n), list)), [])
        for names in (_ALL_SEEN, _ALL_DONE)
    )
    texts = all(isinstance(text, str) for text in (*seen, *done))
    if not seen or not done or not texts or len(seen) - len(done) not in (0, 1):
        return []
    then: list[Any] = next((record[n] for n in _ALL_AFTER if isinstance(record.get(n), list)), [])
    if len(seen) == len(done) == len(then) and all(isinstance(text, str) for text in then):
        rows = zip(seen, done, then, strict=True)
        return [{"before": s, "action": a, "next_obs": t} for s, a, t in rows]
    said: list[Any] = next((record[n] for n in _ALL_SAID if isinstance(record.get(n), list)), [])
    after = come_after(_bare(done), seen) if len(seen) == len(done) else False
    answers = after or (after is None and bool(stated_opening(record)))
    name = "next_obs" if answers else "observation"
    steps = [{name: s, "action": a} for s, a in zip(seen, done, strict=False)]
    if len(said) == len(steps) and all(isinstance(thought, str) for thought in said):
        steps = [{**step, "thought": thought} for step, thought in zip(steps, said, strict=True)]
    return [*steps, *({"observation": s} for s in seen[len(done) :])]


def _texts(column: list[Any]) -> list[Any]:
    """Return a column with the texts of its objects."""
    try:
        return [text_of(v, "")[0] if isinstance(v, Mapping) else v for v in column]
    except RecordError:
        return column


def in_order(items: list[Any], record: Mapping[str, Any]) -> tuple[list[Any], str]:
    """Return steps whose observation answers their action with that as the next observation.

    What the texts tell counts before the order of the fields; `ASSUMED` is returned beside the
    steps where neither tells. Pairs of an observation and an action, in either order, become steps.

    Args:
        items: Of the record's list; if they are no steps, they are returned as they are.
        record: The record.
    """
    items = _from_pairs(items)
    whole = [isinstance(item, Mapping) and not is_message(item) for item in items]
    asked = [is_asked_and_said(item) for item in items]
    if not all(whole) or not any([*asked, *map(is_step, items)]):
        return items, ""
    steps = list(map(plain_step, items))
    if (chat := _grown_chat(steps)) is not None:
        return chat, ""
    if any(asked):
        return items, ""
    for number in {0, len(steps) - 1}:
        if _is_no_action(steps[number].get("action")):
            steps[number] = {k: v for k, v in steps[number].items() if k != "action"}
    texts = [(step.get("action"), step.get("observation")) for step in steps]
    known = [(a, o) for a, o in texts if isinstance(a, str) and isinstance(o, str)]
    after: bool | None = None
    if known and (not texts[0][0] or not texts[-1][0]):
        after = not texts[0][0]  # what is only seen is the opening, or the end
    names = [n for n in steps[0] if n in ("action", "tool_calls", "observation")]
    is_sorted = list(items[0]) == sorted(items[0])
    openings = [record[name] for name in _OPENINGS if isinstance(record.get(name), str)]
    if after is None and known and openings:
        # A first action that changes nothing may be answered with the opening itself.
        answers = names[-1:] == ["observation"] and not is_sorted
        another = any(_is_another(known[0][1], opening) for opening in openings)
        after = answers or another or None
    if after is None:
        after = come_after(_bare([a for a, _ in known]), [o for _, o in known])
    doubt = ""
    if after is None:
        after = names[-1:] == ["observation"]
        doubt = ASSUMED if known and after and is_sorted and not openings else ""
    if after:
        for step in steps:
            if step.get("action") or step.get("tool_calls"):
                step["next_obs"] = step.pop("observation", step.get("next_obs"))
    return steps, doubt


def _is_no_action(action: Any) -> bool:
    """Return whether the action of a first or last step only tells that it is that."""
    return isinstance(action, str) and action.strip().lower().strip("<>[]()") in _RESETS


def _grown_chat(steps: Sequence[Mapping[str, Any]]) -> list[Any] | None:
    """Return the whole chat of steps that each have all of it before them; None of other steps.

    Raises:
        RecordError: If a step has another chat before it.
    """
    chats = ("before", "observation", "messages")
    seen = next((name for name in chats if isinstance(steps[0].get(name), list)), None)
    if seen is None or not all(map(is_message, steps[0][seen])):
        return None
    if not any(_has_agent(step.get(seen)) for step in steps[1:]) and len(steps) > 1:
        return None  # only what is new in each step
    before: list[Any] = []
    for number, step in enumerate(steps):
        chat = step.get(seen)
        if not isinstance(chat, list) or chat[: len(before)] != before:
            raise RecordError(f"the chat before step {number} does not begin with that of the last")
        before = chat
    said = steps[-1].get("action")
    return [*before, said if is_message(said) else {"role": "assistant", "content": said}]


def _from_pairs(items: list[Any]) -> list[Any]:
    """Return pairs of an observation and an action without a label as steps."""
    if (steps := from_transitions(items)) is not None:
        return steps
    pairs = [i for i in items if isinstance(i, list | tuple) and len(i) == 2]
    if not items or len(pairs) < len(items):
        return items
    if not all(isinstance(text, str) for pair in pairs for text in pair):
        return items
    if any(is_role(pair[0]) for pair in pairs):
        return items
    firsts, seconds = ([pair[n] for pair in pairs] for n in (0, 1))
    labelled = [sum(bool(parse_turn(text)[1]) for text in side) for side in (firsts, seconds)]
    if any(labelled):
        acts_first = labelled[0] > labelled[1]
    else:
        counts = [sum(len(text.split()) for text in side) for side in (firsts, seconds)]
        acts_first = counts[0] < counts[1] and come_after(firsts, seconds) is not False
        longest = max((firsts if acts_first else seconds), key=lambda text: len(text.split()))
        if len(longest.split()) > _MOST_WORDS or "\n" in longest.strip():
            return items
    if acts_first:
        return [{"action": first, "next_obs": second} for first, second in pairs]
    return [{"observation": first, "action": second} for first, second in pairs]


def _has_agent(chat: Any) -> bool:
    messages = [m for m in chat if isinstance(m, Mapping)] if isinstance(chat, list) else []
    return any(ROLES.get(role_of(m.get("role", m.get("from")))) == "agent" for m in messages)


def from_transitions(items: Any) -> list[Any] | None:
    """Return lists of an observation, an action, a reward and the next observation as steps."""
    rows = isinstance(items, list) and all(isinstance(i, list) and len(i) > 2 for i in items)
    if not rows or not items:
        return None
    columns = list(zip(*items, strict=False))
    texts = [n for n, column in enumerate(columns) if all(isinstance(v, str) for v in column)]
    numbers = [all(type(v) in (int, float) for v in column) for column in columns]
    chained = len(texts) == 3 and columns[texts[2]][:-1] == columns[texts[0]][1:]
    if len(texts) != 2 and not chained:
        return None
    steps = _from_pairs([[item[n] for n in texts[:2]] for item in items])
    if chained:
        names = ("before", "action", "next_obs")
        steps = [dict(zip(names, (i[n] for n in texts), strict=True)) for i in items]
    if not all(isinstance(step, dict) for step in steps):
        return steps  # speakers and what they say
    for step, item in zip(steps, items, strict=True):
        step |= {"reward": item[numbers.index(True)]} if any(numbers) else {}
    return list(steps)


def _bare(turns: Sequence[str]) -> list[str]:
    return [parse_turn(turn)[1] or turn for turn in turns]
