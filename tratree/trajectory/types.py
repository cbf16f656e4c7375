"""Task, step and trajectory: what every other part of the project exchanges."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

_TOKEN_FIELDS = ("token_ids", "inserted")


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
        inserted: Which of `token_ids`, by position, a limit of the rollout put there: the stop
            token of a turn that was cut, the action's label after a thought that was. No model
            sampled them, so they are no target of a training.
    """

    thought: str
    action: str
    observation: str
    token_ids: tuple[int, ...] = ()
    valid: bool = True
    inserted: tuple[int, ...] = ()


@dataclass(frozen=True)
class Trajectory:
    """A whole episode e = (u, a_1, o_1, ..., a_n, o_n) with its final score G(e).

    Attributes:
        task: The task that was attempted.
        first_observation: What the environment showed before the first action.
        steps: The turns in order.
        score: G(e) in [0, 1], given by the environment.
        success: Whether the environment counts the task as solved.
        finished: Whether the environment ended the episode, as opposed to the step limit.
        sample: Which of the M trajectories of this task it is, from 0.
        source: Who acted: ``expert`` or a label of model and sampling settings.
        record: Of an imported trajectory, the record of its file without the texts above, so
            that an export gives it back (`tratree.trajectory.conversations`); else empty.
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

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON data; `from_json` gives an equal trajectory back."""
        data = asdict(self)
        if not self.record:
            del data["record"]
        data["steps"] = [_step_to_json(step) for step in self.steps]
        return data

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Trajectory:
        """Rebuild a trajectory from `to_json`'s data.

        Raises:
            KeyError, TypeError: If a field is missing or unknown.
        """
        fields = dict(data)
        fields["task"] = Task(**fields["task"])
        fields["steps"] = tuple(
            Step(**{**s, **{name: tuple(s.get(name, ())) for name in _TOKEN_FIELDS}})
            for s in fields["steps"]
        )
        return cls(**fields)


def _step_to_json(step: Step) -> dict[str, Any]:
    data = {**asdict(step), **{name: list(getattr(step, name)) for name in _TOKEN_FIELDS}}
    if not step.inserted:
        del data["inserted"]
    return data
