"""Episodes of a model, logged one by one, for exploration and evaluation."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING, Any

from tratree.config import Config
from tratree.policy.rollout_settings import Episode, RolloutLimits, RolloutPlan
from tratree.preemption import wait_for_safe_points
from tratree.stages.environment import env_maker
from tratree.stages.file_names import EPISODES, EPISODES_LOG
from tratree.stages.players import players
from tratree.store.stage import Job
from tratree.trajectory.jsonl import TrajectoryLog, write_trajectories
from tratree.trajectory.types import Trajectory
from tratree.words import counted

if TYPE_CHECKING:
    from tratree.stages.serving import Serving


def rollout_settings(config: Config) -> dict[str, Any]:
    """Return what the episodes of a model depend on, other than games and weights."""
    model = config.model
    return {
        "max_steps": config.env.max_steps,
        "max_new_tokens": model.max_new_tokens,
        "max_thought_tokens": model.max_thought_tokens,
        "max_repeats": model.max_repeats,
        "max_context": model.context,
        "constraint": config.rollout.constraint,
    }


def engine_settings(config: Config) -> dict[str, Any]:
    """Return what plays, as far as results depend on it."""
    rollout = config.rollout
    invariant = rollout.engine == "vllm" and rollout.batch_invariant
    return {"engine": rollout.engine, **({"batch_invariant": True} if invariant else {})}


@contextmanager
def serving(job: Job) -> Iterator[Serving | None]:
    """Yield the servers that a job plays on; None plays in this program."""
    if job.settings["engine"] != "vllm":
        yield None
        return
    from tratree.stages.serving import Serving

    with closing(Serving(job)) as servers:
        yield servers


class Tally:
    """Counts shown while episodes are played.

    Of an exploration also what a tree needs: distinct actions, and tasks with both outcomes.
    """

    def __init__(self, played: Iterable[Trajectory], *, explored: bool) -> None:
        self._explored = explored
        self._played = 0
        self._solved = 0
        self._actions: set[str] = set()
        self._outcomes: defaultdict[str, set[bool]] = defaultdict(set)
        for trajectory in played:
            self.add(trajectory)

    def add(self, trajectory: Trajectory) -> None:
        """Count a trajectory."""
        self._played += 1
        self._solved += trajectory.success
        self._actions.update(step.action for step in trajectory.steps)
        self._outcomes[trajectory.task.task_id].add(trajectory.success)

    def __str__(self) -> str:
        """Return them in words; nothing before the first episode."""
        if not self._played:
            return ""
        solved = f"{self._solved / self._played:.0%} solved"
        if not self._explored:
            return solved
        both = sum(len(outcomes) == 2 for outcomes in self._outcomes.values())
        return (
            f"{solved}, {counted(len(self._actions), 'distinct action')}, "
            f"{counted(both, 'task')} both solved and failed"
        )


def play_episodes(
    job: Job,
    episodes: Sequence[Episode],
    *,
    source: str,
    earlier: Sequence[Trajectory] = (),
    known: Sequence[Trajectory] = (),
    adapter: bool = True,
    servers: Serving | None = None,
) -> list[Trajectory]:
    """Play `episodes` with the job's model, resuming from the log of an interrupted run.

    Every finished episode is a line of the log at once. They are returned in the order of
    `episodes`, whatever the order in which they finished; those of `earlier` are counted only, and
    what `known` has of them is not played. Without `adapter` the base model plays as it is. With
    ``engine=vllm`` it plays on `servers`.
    Asked to leave the machine (`tratree.preemption`), it does so after the next episode that ends.
    """
    log = TrajectoryLog(job.folder / EPISODES_LOG)
    logged = {(t.task.task_id, t.sample): t for t in (*known, *log.read())}
    keys = [(e.task.task_id, e.sample) for e in episodes]
    played = {key: logged[key] for key in keys if key in logged}
    waiting = [e for e, key in zip(episodes, keys, strict=True) if key not in played]
    tally = Tally([*earlier, *played.values()], explored=source == "explore")
    with (
        job.progress.bar(source, len(episodes)) as advance,
        closing(log),
        wait_for_safe_points() as leaving,
    ):
        for _, trajectory in _play(job, waiting, source, adapter, servers):
            log.append(trajectory)
            played[trajectory.task.task_id, trajectory.sample] = trajectory
            tally.add(trajectory)
            advance(len(played), str(tally))
            if leaving.asked:
                leaving.leave()
    return [played[key] for key in keys]


def _play(
    job: Job, episodes: Sequence[Episode], source: str, adapter: bool, servers: Serving | None
) -> Iterator[tuple[int, Trajectory]]:
    plan = RolloutPlan(
        seed=job.settings["seed"],
        stage=source,
        source=source,
        limits=RolloutLimits(**job.settings["rollout"]),
        engine=job.resources.engine,
        workers=job.resources.workers,
        places=players(job.resources),
    )
    if servers is not None:
        return servers.play(env_maker(job), episodes, plan, adapter=adapter)
    from tratree.policy.workers import roll_out
    from tratree.stages.training import policy_loader

    return roll_out(
        policy_loader(job, adapter=adapter),
        env_maker(job),
        episodes,
        plan,
        report=lambda line: job.progress.message(f"  {line}"),
    )


def write_episodes(job: Job, played: Sequence[Trajectory]) -> None:
    """Write ``episodes.jsonl``, the job's last word; the log has done its duty then."""
    write_trajectories(job.folder / EPISODES, played)
    (job.folder / EPISODES_LOG).unlink(missing_ok=True)
