"""ScienceWorld as a `TextEnv`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from tratree.envs.base import Expert, NoExpertError, StepResult
from tratree.envs.scienceworld.actions import forgiven, printable
from tratree.envs.scienceworld.expert import GoldExpert
from tratree.envs.scienceworld.gold import GoldPaths
from tratree.envs.scienceworld.simulator import AMBIGUOUS, Outcome, Simulator
from tratree.errors import UserError
from tratree.trajectory.types import Task
from tratree.words import counted


class ScienceWorldEnv:
    """Plays tasks on the original simulator, in a virtual machine that it starts at first use.

    The simulator gives 0 to 100 points for subgoals met, and -100 once the task cannot be
    solved (a wrong ``focus on``). From these:

    ================================  ==================================  =======  ========
    the simulator                     score                               success  finished
    ================================  ==================================  =======  ========
    points p, task open               p / 100                             False    False
    100 points                        1                                   True     True
    -100 points                       0; with `keep_best` the best before False    True
    ================================  ==================================  =======  ========

    So a failure is finished without success, and what the step limit cuts is not finished.

    Args:
        tasks: Everything that can be played; the id of a task is ``name/variation``.
        simulator: Plays the episodes; the environment closes it.
        gold: Makes the expert's paths; the environment closes it.
        max_steps: Step limit, in the agent's steps; the simulator's own moves count otherwise.
        step_limits: Step limits by name of the task, where they differ from `max_steps`.
        keep_best: Whether a failure keeps the best score so far, as in ETO's protocol.
        ambiguity: Side that answers when the simulator asks which of several things an action
            means: the ``agent``, or the environment, which takes the ``first``.
        forgiving: Whether a full stop at the end of an action is passed over.

    Attributes:
        max_steps: The step limit of the episode under way.
    """

    def __init__(
        self,
        tasks: Sequence[Task],
        simulator: Simulator,
        gold: GoldPaths,
        *,
        max_steps: int,
        step_limits: Mapping[str, int] | None = None,
        keep_best: bool = False,
        ambiguity: str = "agent",
        forgiving: bool = False,
    ) -> None:
        self.max_steps = max_steps
        self._most_steps = max_steps
        self._step_limits = step_limits or {}
        self._tasks = tasks
        self._simulator = simulator
        self._gold = gold
        self._keep_best = keep_best
        self._ambiguity = ambiguity
        self._read = forgiven if forgiving else printable
        self._latest: StepResult | None = None

    def tasks(self, split: str) -> list[Task]:
        """Return the tasks of a split in a fixed order.

        Raises:
            UserError: If the split has no task.
        """
        found = [task for task in self._tasks if task.split == split]
        if not found:
            splits = sorted({task.split for task in self._tasks})
            raise UserError(f"there are no tasks of split {split!r}: use {', '.join(splits)}")
        return found

    def notes(self, split: str) -> list[str]:
        """Return how many tasks of a held-out split are training tasks, too."""
        trained = {task.task_id for task in self._tasks if task.split == "train"}
        held_out = () if split == "train" else self.tasks(split)
        shared = sum(task.task_id in trained for task in held_out)
        return [f"{counted(shared, 'task')} also for training, in the lists as published"] * bool(
            shared
        )

    def reset(self, task: Task) -> StepResult:
        """Start an episode of `task` with its description and a look around.

        Raises:
            UserError: If the simulator has no such task, or cannot be started.
        """
        name, variation = _parse_id(task.task_id)
        self._latest = None
        self.max_steps = self._step_limits.get(name, self._most_steps)
        description = self._simulator.load(name, variation)
        outcome = self._simulator.step("look around")
        self._latest = StepResult(f"{description}\n{outcome.observation}")
        return self._latest

    def step(self, action: str) -> StepResult:
        """Send one action; once the episode is over, repeat its last result.

        Raises:
            UserError: If no episode was started.
        """
        latest = self._started()
        if latest.finished:
            return latest
        outcome = self._simulator.step(self._read(action))
        if self._ambiguity == "first" and outcome.observation.startswith(AMBIGUOUS):
            outcome = self._simulator.step("0")
        self._latest = self._result(outcome, latest.score)
        return self._latest

    def admissible(self) -> list[str]:
        """Return the actions that the simulator takes to be possible, sorted; none after the end.

        Raises:
            UserError: If no episode was started.
        """
        return [] if self._started().finished else self._simulator.admissible()

    def state_key(self) -> str:
        """Return the score so far and a digest of the simulated world, see `Simulator.world`.

        Temperatures count in whole degrees. The simulator's random state is no part of it.

        Raises:
            UserError: If no episode was started.
        """
        return f"{self._started().score} {self._simulator.world()}"

    def expert(self, task: Task) -> Expert:
        """Return an expert that replays the gold path of `task`.

        Raises:
            NoExpertError: If the simulator knows none.
            UserError: If the path cannot be made or kept.
        """
        path = self._gold.path(*_parse_id(task.task_id))
        if not path:
            raise NoExpertError(f"the simulator has no gold path for {task.task_id}")
        return GoldExpert(path)

    def close(self) -> None:
        """End the virtual machines; may be called twice."""
        self._latest = None
        self._simulator.close()
        self._gold.close()

    def _started(self) -> StepResult:
        if self._latest is None:
            raise UserError("reset the environment with a task before the first step")
        return self._latest

    def _result(self, outcome: Outcome, best: float) -> StepResult:
        result = StepResult(
            outcome.observation,
            score=max(0, outcome.points) / 100,
            success=outcome.points >= 100,
            finished=outcome.completed or outcome.points < 0,
            valid=outcome.understood,
        )
        return replace(result, score=max(result.score, best)) if self._keep_best else result


def _parse_id(task_id: str) -> tuple[str, int]:
    name, _, variation = task_id.rpartition("/")
    if not (name and variation.isdecimal()):
        raise UserError(f"{task_id!r} is no ScienceWorld task: write it as name/variation")
    return name, int(variation)
