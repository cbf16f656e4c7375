"""Task, step and trajectory: what every other part of the project exchanges."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import MISSING, Field, dataclass, field, fields
from functools import cache
from typing import Any

_TOKEN_FIELDS = ("token_ids", "inserted")
_MOST = 2**31
"""More tokens than any vocabulary has."""

_TYPES: Mapping[str, type] = {
    "str": str,
    "bool": bool,
    "Task": dict,
    "tuple[Step, ...]": list,
    "Mapping[str, Any]": dict,
}
_IN_WORDS = {
    "str": "text",
    "bool": "true or false",
    "Task": "an object",
    "tuple[Step, ...]": "a list",
    "Mapping[str, Any]": "an object",
}


@dataclass(frozen=True)
class Task:
    """One instruction u in one initial state of an environment (section 2 of the paper).

    Attributes:
        task_id: Unique within an environment and stable between runs and machines.
        split: The split it belongs to, for example ``train`` or ``valid_unseen``.
        task_type: The environment's name of the kind of task, used to group results.
        instruction: The goal in words.
    """

    task_id: str
    split: str
    task_type: str
    instruction: str


@dataclass(frozen=True)
class Step:
    """One turn of the agent and what the environment answered: (thought, action, observation).

    Attributes:
        thought: The agent's reasoning before the action; may be empty.
        action: The text sent to the environment.
        observation: The environment's answer to the action.
        token_ids: The agent's tokens exactly as sampled, stop token included; empty where no
            model sampled them (experts). Training uses them as they are.
        valid: Whether the environment understood the action and it was possible; True in files
            from before it was recorded.
        inserted: Positions in `token_ids` of what a limit of the rollout put there: the stop
            token of a turn that was cut, the action's label after a thought that was. No model
            sampled them, so they are not a target of a training.
        trained: Whether the turn is a target of a training. Not, if the publisher of an imported
            one says so, or if no action could be read from it.
    """

    thought: str
    action: str
    observation: str
    token_ids: tuple[int, ...] = ()
    valid: bool = True
    inserted: tuple[int, ...] = ()
    trained: bool = True


@dataclass(frozen=True)
class Trajectory:
    """A whole episode e = (u, a_1, o_1, ..., a_n, o_n) with its final score G(e).

    Attributes:
        task: The task that was attempted.
        first_observation: Observation that the environment showed before the first action.
        steps: The turns in order.
        score: G(e) in [0, 1], given by the environment; 0 where it is unknown.
        success: Whether the environment counts the task as solved.
        finished: Whether the environment ended the episode, as opposed to the step limit.
        sample: Number among the M trajectories of this task, from 0.
        source: Name of the actor: ``expert`` or a label of model and sampling settings.
        record: Of an imported trajectory, what its file says (`tratree.trajectory.reading`), so
            that an export gives it back (`tratree.trajectory.conversations`); else empty.
        scored: Whether score and success are known; an imported trajectory may not say.
        replayed: Number of first steps that were taken from an earlier trajectory of the task and
            played again, so that their tokens were not sampled again.
    """

    task: Task
    first_observation: str
    steps: tuple[Step, ...]
    score: float
    success: bool
    finished: bool
    sample: int = 0
    source: str = ""
    record: Mapping[str, Any] = field(default_factory=dict, hash=False)
    scored: bool = True
    replayed: int = 0

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON data; `from_json` gives an equal trajectory back."""
        data = {**vars(self), "task": {**vars(self.task)}}
        if not self.record:
            del data["record"]
        if self.scored:
            del data["scored"]
        if not self.replayed:
            del data["replayed"]
        data["steps"] = [_step_to_json(step) for step in self.steps]
        return data

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Trajectory:
        """Rebuild a trajectory from `to_json`'s data.

        Raises:
            ValueError: If a field is missing, unknown, of a wrong type or out of its range; the
                message names it.
        """
        values = _checked(cls, data, "")
        values["task"] = Task(**_checked(Task, values["task"], "task."))
        values["steps"] = tuple(
            _step_from_json(step, f"steps[{number}].")
            for number, step in enumerate(values["steps"])
        )
        return cls(**values)


def _step_from_json(data: Any, where: str) -> Step:
    step = Step(**_checked(Step, data, where))
    inserted = step.inserted
    if inserted and (
        inserted != tuple(sorted(set(inserted))) or inserted[-1] >= len(step.token_ids)
    ):
        raise ValueError(f"{where}inserted are not rising positions in its token_ids")
    return step


def _checked(kind: type, data: Any, where: str) -> dict[str, Any]:
    """Return the values of a dataclass, each of the type that it declares."""
    if not isinstance(data, Mapping):
        raise ValueError(f"{where.rstrip('.') or 'it'} is not an object but {short(data)}")
    values = dict(data)
    for name, declared in _declared(kind).items():
        if name in values:
            values[name] = _value(declared.type, values[name], where + name)
        elif declared.default is MISSING and declared.default_factory is MISSING:
            raise ValueError(f"{where}{name} is missing")
    unknown = values.keys() - _declared(kind).keys()
    if unknown:
        raise ValueError(f"{where}{min(map(str, unknown))} is not a field that is known")
    return values


@cache
def _declared(kind: type) -> dict[str, Field[Any]]:
    return {declared.name: declared for declared in fields(kind)}


def _value(kind: Any, value: Any, where: str) -> Any:
    if kind == "float":
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 1:
            raise ValueError(f"{where} is not a number from 0 to 1 but {short(value)}")
    elif kind == "int":
        if isinstance(value, bool) or not isinstance(value, int) or value < 0:
            raise ValueError(f"{where} is not a number of 0 or more but {short(value)}")
    elif kind == "tuple[int, ...]":
        if not isinstance(value, list) or not all(type(i) is int and 0 <= i < _MOST for i in value):
            raise ValueError(f"{where} is not a list of whole numbers from 0 to {_MOST - 1}")
        return tuple(value)
    elif not isinstance(value, _TYPES[kind]):
        raise ValueError(f"{where} is not {_IN_WORDS[kind]} but {short(value)}")
    return value


def short(value: Any) -> str:
    """Return a value in a few characters, for a message."""
    kind = type(value)
    named = kind.__name__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__name__}"
    text = repr(value) if kind in (str, int, float, bool, type(None)) else named
    return text if len(text) <= 40 else text[:37] + "..."


def _step_to_json(step: Step) -> dict[str, Any]:
    data = {**vars(step), **{name: list(getattr(step, name)) for name in _TOKEN_FIELDS}}
    if not step.inserted:
        del data["inserted"]
    if step.trained:
        del data["trained"]
    return data
