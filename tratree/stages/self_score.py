"""Stage ``self_score``: the explorer's own scores take the place of the environment's."""

from __future__ import annotations

from tratree.config import Config
from tratree.stages.demonstrations import DEMONSTRATIONS, demonstrations_stage
from tratree.stages.file_names import EPISODES
from tratree.store.stage import Job, Stage
from tratree.trajectory.jsonl import read_trajectories, write_trajectories


def self_score_stage(config: Config, explored: Stage, explorer: Stage, label: str = "") -> Stage:
    """Let the model of `explorer` score what it explored; the true score is not read."""
    inputs = {
        "explored": explored,
        "demonstrations": demonstrations_stage(config),
        "model": explorer,
    }
    settings = {"dtype": config.model.rollout_dtype, "context": config.model.context}
    return Stage("self_score", settings, _score, inputs, label=label)


def _score(job: Job) -> None:
    from tratree.modules.self_score import score_itself, train_success_head
    from tratree.stages.training import load_policy

    model, chat = load_policy(job.inputs["model"], job.settings["dtype"])
    demonstrations = read_trajectories(job.inputs["demonstrations"] / DEMONSTRATIONS)
    head = train_success_head(model, chat, demonstrations, job.settings["context"])
    explored = read_trajectories(job.inputs["explored"] / EPISODES)
    scored = []
    with job.progress.bar("self-scores", len(explored)) as advance:
        for trajectory in explored:
            scored.append(score_itself(trajectory, head.score(trajectory)))
            advance(len(scored))
    write_trajectories(job.folder / EPISODES, scored)
    believed = sum(t.success for t in scored) / len(scored)
    job.progress.message(f"  the explorer takes {believed:.1%} of its trajectories for solved")
