"""Trajectory trees as a dataset for others: Parquet files, a card, the page of all trees."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from huggingface_hub import DatasetCardData

from tratree.errors import UserError
from tratree.files import clear_disk_errors
from tratree.report.model_card import Step, steps_table
from tratree.report.render_table import markdown_table
from tratree.runs.run_trees import RunTrees, tree_page
from tratree.tree.divergence import differing_children, divergence_points
from tratree.tree.forest_file import TREES, save_trees
from tratree.tree.graph import make_graphs
from tratree.tree.mcts import Path as TreePath
from tratree.tree.path_search import find_paths
from tratree.tree.statistics import forest_statistics
from tratree.tree.types import TrajectoryTree

PAGE = "trees.html"
PARTS = ("nodes", "trajectories")
"""The configurations of the dataset, the first one its default."""


def write_dataset(found: RunTrees, out: Path, repo: str, licence: str | None) -> None:
    """Write trees to a folder that is a dataset on the Hub.

    It has ``data/nodes.parquet`` (a row for each node of each tree), ``data/trajectories.parquet``
    (a row for each trajectory, whose steps name their nodes), ``trees.npz`` for `Forest.load`, the
    page ``trees.html``, and the card. `repo`, ``ORG/NAME``, and `licence`, as the Hub spells it,
    are for the card.

    Raises:
        UserError: If the folder can't be written, or pyarrow is not installed.
    """
    try:
        import pyarrow
        from pyarrow import parquet
    except ImportError as error:
        raise UserError("Parquet needs pyarrow: pip install 'tratree[parquet]'") from error
    paths = find_paths(found.trees, **found.search)
    rows = {
        "nodes": [row for pair in zip(found.trees, paths, strict=True) for row in _nodes(*pair)],
        "trajectories": [row for tree in found.trees for row in _trajectories(tree)],
    }
    with clear_disk_errors(f"the dataset {out}", "give --out another folder"):
        (out / "data").mkdir(parents=True, exist_ok=True)
        for part in PARTS:
            table = pyarrow.Table.from_pylist(rows[part])
            parquet.write_table(table, out / "data" / f"{part}.parquet")
        save_trees(out / TREES, found.trees)
        (out / PAGE).write_text(tree_page(found, f"Trees of {repo}"), encoding="utf-8")
        (out / "README.md").write_text(_card(found, repo, licence), encoding="utf-8")


def _nodes(tree: TrajectoryTree, path: TreePath) -> Iterator[dict[str, Any]]:
    """Yield a row for each node; its texts are those of its first trajectory."""
    (graph,) = make_graphs([tree])
    scores, points = tree.mean_score, set(divergence_points(graph))
    for node in range(len(tree.parent)):
        first = tree.trajectories[tree.representative[node]]
        step = first.steps[tree.depth[node] - 1] if node else None
        state = int(tree.state[node])
        yield {
            "task_id": tree.task.task_id,
            "node": node,
            "state": state,
            "parent": int(tree.parent[node]) if node else None,
            "depth": int(tree.depth[node]),
            "visits": int(tree.visits[node]),
            "mean_score": float(scores[node]),
            "ends": int(tree.terminal_count[node]),
            "diverges": state in points,
            "scores_differ": state in points
            and bool(differing_children(graph, state, graph.mean_score)),
            "on_mcts_path": node in path.nodes,
            "thought": step.thought if step else None,
            "action": step.action if step else None,
            "observation": step.observation if step else first.first_observation,
        }


def _trajectories(tree: TrajectoryTree) -> Iterator[dict[str, Any]]:
    task, starts = tree.task, tree.trajectory_start
    for number, one in enumerate(tree.trajectories):
        nodes = tree.step_node[starts[number] : starts[number + 1]].tolist()
        yield {
            "task_id": task.task_id,
            "split": task.split,
            "task_type": task.task_type,
            "instruction": task.instruction,
            "sample": one.sample,
            "source": one.source,
            "score": float(one.score),
            "success": one.success,
            "finished": one.finished,
            "first_observation": one.first_observation,
            "steps": [
                {
                    "node": node,
                    "thought": step.thought,
                    "action": step.action,
                    "observation": step.observation,
                }
                for node, step in zip(nodes, one.steps, strict=True)
            ],
        }


def _card(found: RunTrees, repo: str, licence: str | None) -> str:
    metadata = DatasetCardData(
        license=licence,
        pretty_name=repo.split("/")[-1],
        tags=["tratree", "trajectory-trees", "weak-to-strong", "agent"],
        configs=[
            {
                "config_name": part,
                "data_files": [{"split": "train", "path": f"data/{part}.parquet"}],
                **({"default": True} if part == PARTS[0] else {}),
            }
            for part in PARTS
        ],
    )
    figures = forest_statistics(found.trees).items()
    return "\n".join(
        [
            "---",
            metadata.to_yaml(),
            "---",
            "",
            f"# {repo}",
            "",
            "Trajectory trees: all attempts of a weak agent at each task of a text environment, "
            "merged where their beginnings agree. Made with tratree: weak-to-strong "
            "generalization with failure trajectories (ICLR 2026).",
            "",
            f"[{PAGE}]({PAGE}) shows them without a network: download it and open it in a browser.",
            "",
            "```python",
            "from datasets import load_dataset",
            "",
            *(f'{part} = load_dataset("{repo}", "{part}", split="train")' for part in PARTS),
            "```",
            "",
            "A row of `nodes` is a node of the tree of task `task_id`: its `parent` (null at the "
            "root, node 0), its `state` (the lowest node of equal information state, itself in a "
            "tree merged by history), the number of trajectories through it (`visits`) and the "
            "mean of their scores in [0, 1], how many end there, whether different actions follow "
            "(`diverges`) and differ in mean score, whether it is on the path that MCTS finds, and "
            "the texts of its first trajectory. A row of `trajectories` is an attempt; each of its "
            "steps names "
            f"its node. `tratree.tree.Forest.load(FOLDER)` reads `{TREES}`.",
            "",
            "## Figures",
            "",
            markdown_table(
                [
                    ["figure", "value"],
                    *([n.replace("_", " "), f"{v:.4g}"] for n, v in figures if v is not None),
                ]
            ),
            "",
            "## How they were made",
            "",
            steps_table([Step("trees", {"trees": len(found.trees)}, _shown(found))]),
            "",
        ]
    )


def _shown(found: RunTrees) -> Mapping[str, Any]:
    return {**found.settings, **{f"mcts.{name}": value for name, value in found.search.items()}}
