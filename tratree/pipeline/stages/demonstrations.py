"""Stage ``demonstrations``: the expert plays some of the training tasks."""

from __future__ import annotations

from tratree.config import Config
from tratree.envs.base import play_expert
from tratree.pipeline.stage import Job, Stage
from tratree.pipeline.stages.environment import env_maker, games_stage
from tratree.pipeline.stages.tasks import demonstrated_tasks
from tratree.trajectory.jsonl import write_trajectories

DEMONSTRATIONS = "demonstrations.jsonl"


def demonstrations_stage(config: Config) -> Stage:
    """Let the expert play; only solved episodes are kept."""
    settings = {
        "split": config.env.splits["train"],
        "tasks": config.expert.tasks,
        "seed": config.seed,
    }
    inputs = {"games": games_stage(config)}
    return Stage("demonstrations", settings, _demonstrate, inputs, version=2)


def _demonstrate(job: Job) -> None:
    settings = job.settings
    env = env_maker(job)()
    try:
        tasks = demonstrated_tasks(
            env.tasks(settings["split"]), settings["tasks"], settings["seed"]
        )
        played = []
        with job.progress.bar("demonstrations", len(tasks)) as advance:
            for task in tasks:
                played.append(play_expert(env, task))
                advance(len(played))
    finally:
        env.close()
    solved = [trajectory for trajectory in played if trajectory.success]
    job.progress.message(f"  the expert solved {len(solved)} of {len(played)} tasks")
    write_trajectories(job.folder / DEMONSTRATIONS, solved)
