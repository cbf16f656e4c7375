"""The stages of the method: those of TreeDPO with pairs of another kind."""

from __future__ import annotations

from mcts_dpo import MctsDpoSettings
from tratree.config import Config
from tratree.stages.methods import pairs_dpo, weak_trees
from tratree.stages.pairs import write_pairs
from tratree.stages.trees import read_trees
from tratree.store.stage import Job, Stage
from tratree.tree import Pair, TrajectoryTree, search_paths


def mcts_dpo(config: Config) -> Stage:
    """Learn to prefer the MCTS path; the weak model after its SFT is the reference."""
    method = config.method
    assert isinstance(method, MctsDpoSettings)
    settings = {
        "iterations": method.iterations,
        "exploration": method.ucb_constant,
        "worst_paths": method.worst_paths,
    }
    inputs = {"trees": weak_trees(config)}
    pairs = Stage("mcts_pairs", settings, _find, inputs, self_contained=True)
    return pairs_dpo(config, pairs)


def _find(job: Job) -> None:
    trees = read_trees(job.inputs["trees"])
    search = {name: job.settings[name] for name in ("iterations", "exploration")}
    paths = search_paths(trees, **search)
    write_pairs(
        job,
        [
            worst_pairs(tree, path.nodes, job.settings["worst_paths"])
            for tree, path in zip(trees, paths, strict=True)
        ],
    )


def worst_pairs(tree: TrajectoryTree, chosen: tuple[int, ...], count: int) -> list[Pair]:
    """Pair a path with the `count` lowest-scored ones that diverge from it by an action."""
    pairs: dict[tuple[int, ...], Pair] = {}
    for index in reversed(range(len(tree.trajectories))):
        rejected = tree.trajectory_nodes(index)
        shared = sum(ours == theirs for ours, theirs in zip(chosen, rejected, strict=False))
        ends = chosen[-1], rejected[-1]
        scores = [float(tree.terminal_mean[node]) for node in ends]
        if (
            scores[0] > scores[1]
            and shared < min(len(chosen), len(rejected))
            and tree.action_id[chosen[shared]] != tree.action_id[rejected[shared]]
        ):
            pairs[rejected] = Pair(chosen[:shared], chosen[shared:], rejected[shared:], *scores)
    return list(pairs.values())[:count]
