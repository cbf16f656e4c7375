"""Steps of an episode: what the agent did, and what it saw before or after."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tratree.trajectory.reading.goals import stated_goal
from tratree.trajectory.words import words

DONE = words(
    "action act agent_action raw_action response output raw_output model_output model_response "
    "completion generation"
)
SEEN = words("observation obs env_observation state prompt")
AFTER = words("next_observation next_obs next_state feedback")
"""Fields of a step: what the agent did, and what it saw before and after."""

_ALL_SEEN = words("observations obs states prompts input inputs")
_ALL_DONE = words("actions acts responses output outputs")
_GOALS = words("goal task task_description taskdescription instruction question objective query")
_OPENINGS = words(
    "initial_observation init_observation initial_obs init_obs first_observation first_obs "
    "reset_observation initial_state"
)


def is_step(value: Any) -> bool:
    """Return whether a value is a step of an episode: an action, and what was seen."""
    names = {str(name).lower() for name in value} if isinstance(value, dict) else set()
    return bool(names & set(DONE)) and bool(names & {*SEEN, *AFTER})


def stated_opening(record: Mapping[str, Any]) -> str:
    """Return how an episode opens by what its record says beside its steps: goal, then scene."""
    facts = {
        str(key).lower(): value
        for part in (*(v for v in record.values() if isinstance(v, Mapping)), record)
        for key, value in part.items()
        if isinstance(value, str) and " " in value
    }
    goal, scene = (
        next((facts[n] for n in names if n in facts), "") for names in (_GOALS, _OPENINGS)
    )
    goal, scene = goal.strip(), scene.strip()
    goal = goal if not goal or stated_goal(goal) else f"Task: {goal}"
    return scene if goal in scene else "\n".join(filter(None, (goal, scene)))


def side_by_side(record: Mapping[str, Any]) -> list[dict[str, str]]:
    """Return the steps of a record with observations and actions in lists of their own."""
    seen: list[Any] = next((record[n] for n in _ALL_SEEN if isinstance(record.get(n), list)), [])
    done: list[Any] = next((record[n] for n in _ALL_DONE if isinstance(record.get(n), list)), [])
    texts = all(isinstance(text, str) for text in (*seen, *done))
    if not seen or not done or not texts or len(seen) - len(done) not in (0, 1):
        return []
    if len(seen) == len(done) and not stated_goal(seen[0]) and stated_opening(record):
        return [{"action": a, "next_obs": s} for s, a in zip(seen, done, strict=True)]
    steps = [{"observation": s, "action": a} for s, a in zip(seen, done, strict=False)]
    return [*steps, *({"observation": s} for s in seen[len(done) :])]


def with_answers(items: list[Any]) -> list[Any]:
    """Return steps whose observation follows the action with that as the next observation.

    A step that names its action first has what was seen after it, unless the first one opens.
    """
    if not items or not all(is_step(item) for item in items):
        return items
    first = {str(key).lower(): value for key, value in items[0].items()}
    names = [name for name in first if name in ("action", *SEEN)]
    if names[:1] != ["action"] or len(names) < 2 or stated_goal(str(first[names[1]])):
        return items
    return [
        {("next_obs" if str(k).lower() in names[1:] else k): v for k, v in item.items()}
        for item in items
    ]
