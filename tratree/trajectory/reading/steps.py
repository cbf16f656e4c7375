"""Steps of an episode: what the agent did, and what it saw before or after."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tratree.trajectory.reading.answers import come_after
from tratree.trajectory.reading.goals import stated_goal, the_task
from tratree.trajectory.reading.record_error import RecordError
from tratree.trajectory.reading.roles import is_message, is_role
from tratree.trajectory.reading.values import field_name
from tratree.trajectory.turn_parsing import parse_turn
from tratree.trajectory.words import words

DONE = words(
    "action act agent_action raw_action response output raw_output model_output model_response "
    "completion generation actions agent_output"
)
SEEN = words(
    "observation obs env_observation env_output current_observation current_obs observation_before "
    "obs_before observations state prompt"
)
AFTER = words(
    "next_observation next_obs observation_after obs_after new_observation new_obs next_state "
    "env_feedback environment_feedback env_response environment_response "
    "tool_response tool_output feedback"
)
"""Fields of a step: what the agent did, and what it saw before and after."""

_CALLS = "tool_calls"
_CHAT = "messages"
_ALL_SEEN = words("observations observation observation_history obs states prompts input inputs")
_ALL_DONE = words("actions action action_history acts act responses output outputs")
GOALS = words(
    "goal task task_description taskdescription instruction question objective query input"
)
_OPENINGS = words(
    "initial_observation init_observation initial_obs init_obs first_observation first_obs "
    "reset_observation reset_obs initial_state init_prompt initial_prompt cur_query _cur_query"
)
_ALL_SAID = words("thoughts thought reasonings reasoning")
_THOUGHTS = frozenset(words("thought thoughts think reasoning"))
_MOST_WORDS = 20
"""Words of an action that has no label."""


def is_step(value: Any) -> bool:
    """Return whether a value is a step of an episode: an action, and what was seen."""
    names = set(map(field_name, value)) if isinstance(value, dict) else set()
    return bool(names & {*DONE, _CALLS}) and bool(names & {*SEEN, *AFTER, _CHAT})


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


def side_by_side(record: Mapping[str, Any]) -> list[dict[str, str]]:
    """Return the steps of a record with observations and actions in lists of their own."""
    seen: list[Any] = next((record[n] for n in _ALL_SEEN if isinstance(record.get(n), list)), [])
    done: list[Any] = next((record[n] for n in _ALL_DONE if isinstance(record.get(n), list)), [])
    texts = all(isinstance(text, str) for text in (*seen, *done))
    if not seen or not done or not texts or len(seen) - len(done) not in (0, 1):
        return []
    said: list[Any] = next((record[n] for n in _ALL_SAID if isinstance(record.get(n), list)), [])
    after = come_after(_bare(done), seen) if len(seen) == len(done) else False
    answers = after or (after is None and bool(stated_opening(record)))
    name = "next_obs" if answers else "observation"
    steps = [{name: s, "action": a} for s, a in zip(seen, done, strict=False)]
    if len(said) == len(steps) and all(isinstance(thought, str) for thought in said):
        steps = [{**step, "thought": thought} for step, thought in zip(steps, said, strict=True)]
    return [*steps, *({"observation": s} for s in seen[len(done) :])]


def in_order(items: list[Any], record: Mapping[str, Any]) -> list[Any]:
    """Return steps whose observation answers their action with that as the next observation.

    What the texts tell counts before the order of the fields. Pairs of an observation and an
    action, in either order, become steps.

    Args:
        items: Of the record's list; if they are no steps, they are returned as they are.
        record: The record.

    Raises:
        RecordError: If only the order of the fields could tell, and it is that of the alphabet.
    """
    items = _from_pairs(items)
    if not items or not all(map(is_step, items)):
        return items
    if (chat := _grown_chat(items)) is not None:
        return chat
    names = list(map(field_name, items[0]))
    done = next((name for name in DONE if name in names), _CALLS)
    seen = next((name for name in SEEN if name in names), "prompt")
    if seen == "prompt" or set(names) & set(AFTER):
        return items
    folded = [{field_name(key): value for key, value in item.items()} for item in items]
    texts = [(item.get(done), item.get(seen)) for item in folded]
    known = [(a, o) for a, o in texts if isinstance(a, str) and isinstance(o, str)]
    after = come_after(_bare([a for a, _ in known]), [o for _, o in known])
    if after is None:
        after = names.index(done) < names.index(seen)
        told = any(isinstance(record.get(name), str) for name in _OPENINGS)
        if after and not told and _are_sorted(names, done, seen, record):
            raise RecordError(
                f"its steps have their fields in the order of the alphabet, so that nothing tells "
                f"whether {seen!r} was before {done!r} or answered it: call it 'next_observation' "
                "if it answered"
            )
    if not after:
        return items
    others = frozenset(SEEN) - {seen}
    return [
        {("next_obs" if k == seen else k): v for k, v in item.items() if k not in others}
        for item in folded
    ]


def _grown_chat(items: Sequence[Mapping[str, Any]]) -> list[Any] | None:
    """Return the whole chat of steps that each have all of it before them; None of other steps.

    Raises:
        RecordError: If a step has another chat before it.
    """
    folded = [{field_name(key): value for key, value in item.items()} for item in items]
    seen = next((n for n in (*SEEN, _CHAT) if isinstance(folded[0].get(n), list)), None)
    if seen is None or not all(map(is_message, folded[0][seen])):
        return None
    before: list[Any] = []
    for number, item in enumerate(folded):
        chat = item.get(seen)
        if not isinstance(chat, list) or chat[: len(before)] != before:
            raise RecordError(f"the {seen} of step {number} does not begin with that of the last")
        before = chat
    said = next(folded[-1][name] for name in DONE if name in folded[-1])
    return [*before, {"role": "assistant", "content": said}]


def _are_sorted(names: Sequence[str], done: str, seen: str, record: Mapping[str, Any]) -> bool:
    """Return whether a program has sorted the names, rather than a person chosen their order."""
    if list(names) != sorted(names):
        return False
    between = names[names.index(done) + 1 : names.index(seen)]
    behind = _THOUGHTS & set(names[names.index(seen) :])
    return bool(between or behind) or (len(record) > 2 and list(record) == sorted(record))


def _from_pairs(items: list[Any]) -> list[Any]:
    """Return pairs of an observation and an action without a label as steps."""
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


def _bare(turns: Sequence[str]) -> list[str]:
    return [parse_turn(turn)[1] or turn for turn in turns]
