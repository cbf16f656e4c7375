"""The same evaluation episodes of every system side by side, as the page's data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tratree.report.colours import style_of
from tratree.trajectory.types import Task, Trajectory


def episodes_data(episodes: Mapping[str, Sequence[Trajectory]]) -> dict[str, Any]:
    """Return ``{"texts": …, "systems": …, "colours": …, "episodes": …}`` as JSON data.

    Every distinct text is stored once in ``texts``; elsewhere is its index. An episode has

    - ``task``: id, split, type and instruction, as texts; ``first``: the first observation
    - ``differs``: whether not all systems that played it have the same score
    - ``diverges``: the first step, from 0, whose actions are not all the same, or None
    - ``played``: by the index of each system that played it: score, success, finished, and steps
      of thought, action and observation, as texts

    Episodes whose systems differ in score come first, otherwise in the order they were played.
    """
    number_of: dict[str, int] = {}

    def number(text: str) -> int:
        return number_of.setdefault(text, len(number_of))

    by_task: dict[Task, dict[int, Trajectory]] = {}
    for system, played in enumerate(episodes.values()):
        for trajectory in played:
            by_task.setdefault(trajectory.task, {})[system] = trajectory
    found = [
        {
            "task": [
                number(text)
                for text in (task.task_id, task.split, task.task_type, task.instruction)
            ],
            "first": number(next(iter(played.values())).first_observation),
            "differs": len({(t.score, t.success) for t in played.values()}) > 1,
            "diverges": diverging_step(list(played.values())),
            "played": {
                system: [
                    *(round(t.score, 6), t.success, t.finished),
                    [[number(s.thought), number(s.action), number(s.observation)] for s in t.steps],
                ]
                for system, t in played.items()
            },
        }
        for task, played in by_task.items()
    ]
    found.sort(key=lambda episode: not episode["differs"])
    colours = [f"light-dark({s.light}, {s.dark})" for s in map(style_of, episodes)]
    systems = {"systems": list(episodes), "colours": colours}
    return {"texts": list(number_of), **systems, "episodes": found}


def diverging_step(played: Sequence[Trajectory]) -> int | None:
    """Return the first step, from 0, that not all have or whose actions are not all the same."""
    actions = [[step.action for step in trajectory.steps] for trajectory in played]
    for step in range(max(map(len, actions))):
        if len({tuple(of_one[step : step + 1]) for of_one in actions}) > 1:
            return step
    return None
