"""Stage ``explore``: a model tries many training tasks, up to M times each."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from contextlib import closing
from itertools import cycle, islice
from typing import TYPE_CHECKING, Any

from tratree.config import Config
from tratree.errors import UserError
from tratree.policy.rollout_settings import Episode, SamplingSettings
from tratree.settings import plain
from tratree.stages.another_m import played_with_another_m
from tratree.stages.demonstrations import DEMONSTRATIONS, demonstrations_stage
from tratree.stages.environment import env_maker, games_stage
from tratree.stages.explorer import explorer_stage
from tratree.stages.file_names import EPISODES, EPISODES_LOG
from tratree.stages.playing import (
    Tally,
    engine_settings,
    play_episodes,
    rollout_settings,
    serving,
    write_episodes,
)
from tratree.stages.tasks import explored_tasks
from tratree.store.stage import Job, Stage
from tratree.trajectory.jsonl import read_trajectories
from tratree.trajectory.types import Task, Trajectory
from tratree.tree.branching import branch_points
from tratree.words import counted

if TYPE_CHECKING:
    from tratree.stages.serving import Serving

VERSION = 3


def explore_stage(
    config: Config, explorer: Stage, *, demonstrations: Stage | None = None, label: str = ""
) -> Stage:
    """Sample M trajectories a task (section 3.1 of the paper), a share of them in each round.

    The first round is explored by the model of `explorer`, a later one by that model fine-tuned
    to differ from those before it.

    Args:
        config: The run's.
        explorer: A fine-tuning.
        demonstrations: If given, the tasks are those that the expert demonstrates, in one round;
            else ``explore.tasks`` of the training tasks.
        label: See `Stage`.
    """
    explore = config.explore
    rounds = 1 if demonstrations else explore.rounds
    untouched = [] if demonstrations else [plain(s) for s in explore.untouched]
    trained = explore.trajectories - len(untouched)
    plan = [plain(s) for s in sampling_plan(explore.sampling, trained)]
    branching = 0 if demonstrations else round(explore.branching * explore.trajectories)
    explorers = [explorer]
    stage: Stage | None = None
    for number in range(rounds):
        if number:
            explorers.append(explorer_stage(config, explorers))
        share = _share(len(plan), number, rounds)
        settings = {
            "split": config.env.splits["train"],
            "tasks": None if demonstrations else explore.tasks,
            "sampling": plan[share.start : share.stop],
            "first_sample": share.start,
            "stop_when_decided": explore.stop_when_decided,
            "tokens": explore.tokens,
            "rollout": rollout_settings(config),
            **engine_settings(config),
            "dtype": config.model.rollout_dtype,
            "seed": config.seed,
        }
        if untouched:
            settings["untouched"] = untouched
        if branching:
            settings["branching"] = branching
        inputs = {"games": games_stage(config), "model": explorers[-1]}
        if stage is not None:
            inputs["earlier"] = stage
        if demonstrations is not None:
            inputs["demonstrations"] = demonstrations
        elif config.expert.demonstrations is not None:
            inputs["demonstrated"] = demonstrations_stage(config)
        name = f"{label} round {number + 1}".strip() if rounds > 1 else label
        stage = Stage(
            *("explore", settings, _explore, inputs),
            version=VERSION,
            label=name,
            resumes=(EPISODES_LOG,),
        )
    assert stage is not None
    return stage


def sampling_plan(
    settings: Sequence[SamplingSettings], trajectories: int
) -> list[SamplingSettings]:
    """Return the setting of each of the M trajectories.

    The settings take turns; after the first turn the greedy ones are left out, because they
    would give the same trajectory again, unless there are no others.
    """
    sampled = [s for s in settings if s.temperature > 0] or settings
    plan = [*settings, *islice(cycle(sampled), max(0, trajectories - len(settings)))]
    return plan[:trajectories]


def is_decided(of_task: Collection[Trajectory], enough: int) -> bool:
    """Return whether a task has both successes and failures, or `enough` successes."""
    solved = sum(trajectory.success for trajectory in of_task)
    return 0 < solved < len(of_task) or solved >= enough


def undecided(
    episodes: Sequence[Episode], played: Sequence[Trajectory], enough: int
) -> list[Episode]:
    """Return the episodes whose task is not decided by what was played."""
    of_task = _by_task(played)
    return [e for e in episodes if not is_decided(of_task[e.task.task_id], enough)]


def branched(
    tasks: Sequence[Task],
    wave: Sequence[tuple[int, SamplingSettings]],
    played: Sequence[Trajectory],
    seed: int,
) -> list[Episode]:
    """Return the episodes that begin with first steps of failures among what was played."""
    of_task = _by_task(played)
    samples = [m for m, _ in wave]
    episodes = []
    for task in tasks:
        begins = branch_points(of_task[task.task_id], samples=samples, seed=seed)
        episodes += [Episode(task, m, how, begins[m]) for m, how in wave if m in begins]
    return episodes


def _by_task(played: Sequence[Trajectory]) -> defaultdict[str, list[Trajectory]]:
    found: defaultdict[str, list[Trajectory]] = defaultdict(list)
    for trajectory in played:
        found[trajectory.task.task_id].append(trajectory)
    return found


def within_tokens(played: Sequence[Trajectory], most: int) -> list[Trajectory]:
    """Return the first of `played` whose sampled tokens are at most `most` together."""
    kept, used = [], 0
    for trajectory in played:
        used += sum(len(step.token_ids) for step in trajectory.steps[trajectory.replayed :])
        if used > most:
            break
        kept.append(trajectory)
    return kept


def _share(trajectories: int, number: int, rounds: int) -> range:
    """Return which of the M trajectories a round samples."""
    return range(trajectories * number // rounds, trajectories * (number + 1) // rounds)


def _explore(job: Job) -> None:
    settings = job.settings
    with closing(env_maker(job)()) as env:
        every = env.tasks(settings["split"])
    demonstrated = _demonstrated(job)
    apart = demonstrated if "demonstrated" in job.inputs else ()
    tasks = explored_tasks(every, settings["tasks"], settings["seed"], apart)
    if "demonstrations" in job.inputs:
        tasks = [task for task in tasks if task.task_id in demonstrated]
    earlier = job.inputs.get("earlier")
    before = read_trajectories(earlier / EPISODES) if earlier else []
    with serving(job) as servers:
        played = _play(job, tasks, before, servers)
    order = {task.task_id: number for number, task in enumerate(tasks)}
    played.sort(key=lambda t: (order[t.task.task_id], t.sample))
    write_episodes(job, played)
    solved = {t.task.task_id for t in played if t.success}
    job.progress.message(
        f"  {counted(len(played), 'trajectory', 'trajectories')}, "
        f"{Tally(played, explored=True)}; "
        f"{len(solved)} of {counted(len(tasks), 'task')} solved at least once"
    )


def _demonstrated(job: Job) -> set[str]:
    """Return the ids of the tasks of the demonstrations among the inputs."""
    folders = [job.inputs[n] for n in ("demonstrations", "demonstrated") if n in job.inputs]
    shown = [t for folder in folders for t in read_trajectories(folder / DEMONSTRATIONS)]
    return {trajectory.task.task_id for trajectory in shown}


def _play(
    job: Job, tasks: Sequence[Task], played: list[Trajectory], servers: Serving | None
) -> list[Trajectory]:
    """Play sample after sample of all tasks; what is left out depends on no order of arrival."""
    settings = job.settings
    enough, most = settings["stop_when_decided"], settings["tokens"]
    waves = _waves(settings, one_by_one=enough is not None or most is not None)
    # With another M, a sample of the same number may be another model's, or begin elsewhere.
    alike = all(kind == "independent" for kind, _ in waves)
    known = played_with_another_m(job, VERSION) if alike else []
    for kind, wave in waves:
        if kind == "branched":
            episodes = branched(tasks, wave, played, settings["seed"])
        else:
            episodes = [Episode(task, m, sampling) for task in tasks for m, sampling in wave]
        if enough is not None:
            episodes = undecided(episodes, played, enough)
        found = play_episodes(
            job,
            episodes,
            source="explore",
            earlier=played,
            known=known,
            adapter=kind != "untouched",
            servers=servers,
        )
        played = [*played, *found]
        if most is not None:
            kept = within_tokens(played, most)
            if len(kept) < len(played):
                job.progress.message(f"  explore.tokens={most} are used up")
                played = kept
                break
    if not played:
        raise UserError(f"explore.tokens={most} is less than the first trajectory: raise it")
    return played


def _waves(
    settings: Mapping[str, Any], *, one_by_one: bool
) -> list[tuple[str, list[tuple[int, SamplingSettings]]]]:
    """Return the samples that are played together, in order, and what kind they are.

    Without a rule that looks at what was found, all samples of a kind are one wave.
    """
    first, planned = settings["first_sample"], settings["sampling"]
    branching = len(planned) - settings.get("branching", 0)
    numbered = list(enumerate(map(_sampling, planned), first))
    parts = {"independent": numbered[:branching], "branched": numbered[branching:]}
    waves = [
        (kind, wave)
        for kind, part in parts.items()
        for wave in ([[sample] for sample in part] if one_by_one else [part])
        if wave
    ]
    untouched = map(_sampling, settings.get("untouched", []))
    last = list(enumerate(untouched, first + len(planned)))
    return [*waves, ("untouched", last)] if last else waves


def _sampling(settings: dict[str, float]) -> SamplingSettings:
    return SamplingSettings(**settings)  # type: ignore[arg-type]
