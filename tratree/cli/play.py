"""``tratree play``: a person plays a task in the terminal."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console
from rich.panel import Panel
from rich.text import Text

from tratree.cli.arguments import ArgumentParser, add_overrides, add_task
from tratree.composition import compose_config
from tratree.envs.base import Expert, NoExpertError, StepResult, TextEnv
from tratree.errors import UserError
from tratree.stages.environment import opened, tasks_of
from tratree.trajectory.types import Task
from tratree.words import counted

HELP = (
    "Type an action, or ? to see what the expert would do, ! to do it, * for the possible actions "
    "(* WORD: those with WORD), r to restart, q to quit."
)


class Advisor:
    """The expert's advice.

    Its advice holds until it is taken or becomes impossible; then it is asked again. An expert
    knows only its own episode: once another one differs from it, it may have no advice.
    """

    def __init__(self, env: TextEnv, task: Task) -> None:
        self._env = env
        self.excuse = "the expert has lost track; r restarts the task"
        self._expert: Expert | None = None
        try:
            self._expert = env.expert(task)
        except NoExpertError as error:
            self.excuse = str(error)
        self._advice: tuple[str, str] | None = None

    def advise(self, result: StepResult) -> tuple[str, str] | None:
        """Return (thought, action), None if the expert has none; then `excuse` says why."""
        if self._expert is None:
            return None
        if self._advice is None or self._advice[1] not in self._env.admissible():
            try:
                self._advice = self._expert(result)
            except (LookupError, ValueError):
                self._advice = None
        return self._advice

    def played(self, action: str) -> None:
        """Note the action that was played."""
        if self._advice is not None and action == self._advice[1]:
            self._advice = None


def main(arguments: Sequence[str]) -> None:
    """Let a person play one task."""
    parser = ArgumentParser(
        prog="tratree play", description="Play a task of an environment.", epilog=HELP
    )
    add_overrides(parser)
    add_task(parser)
    chosen = parser.parse_intermixed_args(arguments)
    config = compose_config(chosen.overrides)
    console = Console(highlight=False)
    with opened(config) as env:
        task = find_task(tasks_of(env, config, chosen.split), chosen.task)
        console.print(Text(f"{task.task_id} ({task.task_type})", style="dim"))
        while play(env, task, console):
            pass


def find_task(tasks: Sequence[Task], name: str) -> Task:
    """Return the task of an id or a number.

    Raises:
        UserError: If there is none.
    """
    by_id = {task.task_id: task for task in tasks}
    if name in by_id:
        return by_id[name]
    if name.isdecimal() and int(name) < len(tasks):
        return tasks[int(name)]
    raise UserError(
        f"--task {name} is not in this split: use a number up to {len(tasks) - 1}, or an id that "
        "`tratree tasks --split ...` lists"
    )


def play(env: TextEnv, task: Task, console: Console) -> bool:
    """Play one episode from its reset; return whether the person wants another one."""
    result = env.reset(task)
    advisor = Advisor(env, task)
    steps = 0
    console.print(HELP, style="dim", markup=False)
    console.print(Panel(Text(result.observation), title="task"))
    while not result.finished and steps < env.max_steps:
        try:
            typed = console.input(Text(f"{steps + 1}/{env.max_steps} > ", style="bold")).strip()
        except EOFError:
            typed = "q"
        if typed in ("q", "r"):
            console.print("stopped" if typed == "q" else "from the start", style="dim")
            return typed == "r"
        if typed.startswith("*"):
            word = typed[1:].strip().lower()
            offered = [action for action in env.admissible() if word in action.lower()]
            console.print(Text("\n".join(offered) or "none", style="cyan"))
            continue
        if typed in ("?", "!"):
            advice = advisor.advise(result)
            if advice is None:
                console.print(advisor.excuse, style="dim", markup=False)
                continue
            console.print(Text(f"{advice[0]}: {advice[1]}".lstrip(": "), style="green"))
            if typed == "?":
                continue
            typed = advice[1]
        result = env.step(typed)
        advisor.played(typed)
        steps += 1
        console.print(Text(result.observation, style="" if result.valid else "yellow"))
    end = "solved" if result.success else "over" if result.finished else "out of steps"
    console.print(
        Text(f"{end}: score {result.score:.2f} after {counted(steps, 'step')}", style="bold")
    )
    return False
