"""What exploration and evaluation share: episodes of a model, logged one by one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tratree.config import Config
from tratree.pipeline.stage import Job
from tratree.pipeline.stages.environment import env_maker
from tratree.pipeline.stages.training import policy_loader
from tratree.policy.rollout import Episode, RolloutLimits
from tratree.policy.workers import roll_out
from tratree.preemption import wait_for_safe_points
from tratree.trajectory.jsonl import TrajectoryLog, write_trajectories
from tratree.trajectory.types import Trajectory

EPISODES = "episodes.jsonl"
LOG = "episodes.log.jsonl"


def rollout_settings(config: Config) -> dict[str, Any]:
    """Return what the episodes of a model depend on, besides games and weights."""
    model = config.model
    return {
        "max_steps": config.env.max_steps,
        "max_new_tokens": model.max_new_tokens,
        "max_context": model.context,
    }


def play_episodes(job: Job, episodes: Sequence[Episode], *, source: str) -> list[Trajectory]:
    """Play `episodes` with the job's model, going on from the log of an interrupted run.

    Every finished episode is a line of the log at once; in the end ``episodes.jsonl`` holds them
    in the order of `episodes`, whatever the order in which they finished. Asked to leave the
    machine (`tratree.preemption`), it does so after the next episode that ends.
    """
    log = TrajectoryLog(job.folder / LOG)
    played = {(t.task.task_id, t.sample): t for t in log.read()}
    waiting = [e for e in episodes if (e.task.task_id, e.sample) not in played]
    with job.progress.bar(source, len(episodes)) as advance, log, wait_for_safe_points() as leaving:
        for _, trajectory in roll_out(
            policy_loader(job),
            env_maker(job),
            waiting,
            seed=job.settings["seed"],
            stage=source,
            batch_size=job.resources.batch_size,
            limits=RolloutLimits(**job.settings["rollout"]),
            source=source,
            workers=job.resources.workers,
        ):
            log.append(trajectory)
            played[trajectory.task.task_id, trajectory.sample] = trajectory
            solved = sum(t.success for t in played.values())
            advance(len(played), f"{solved / len(played):.0%} solved")
            if leaving.asked:
                leaving.leave()
    ordered = [played[e.task.task_id, e.sample] for e in episodes]
    write_trajectories(job.folder / EPISODES, ordered)
    (job.folder / LOG).unlink(missing_ok=True)
    return ordered
