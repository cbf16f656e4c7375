"""Trajectory trees: merge attempts at a task, find where they diverge, search for the best path.

A tree is a `TrajectoryTree`, flat arrays over nodes. It is built of trajectories
(`build_trees`), describes itself (`tree_statistics`), and gives preference pairs (`find_pairs`)
or a path to imitate (`search_paths`). Nothing here knows environments, models or PyTorch.

    by_task = defaultdict(list)
    for attempt in read_any("attempts.json"):  # of tratree.trajectory
        by_task[attempt.task.task_id].append(attempt)
    trees = build_trees(by_task.values(), similarity=CharacterNgrams())
    pairs = [find_pairs(tree) for tree in trees]
    paths = search_paths(trees)

Trees are merged by history; `merge_states` also makes nodes of equal information state one, which
makes a graph of a tree. Searches and pairs take either.

`Forest` keeps trees of many tasks together: ``Forest.load(folder)`` reads those of a finished
``trees`` stage, ``.save(folder)`` writes them, and a notebook shows them. numpy and numba are all
that this needs, and numba only from the first search or pair on.
"""

from tratree.tree.divergence import Pair, find_pairs
from tratree.tree.forest import Forest
from tratree.tree.forest_file import load_trees, save_trees
from tratree.tree.graph import Graph, make_graphs
from tratree.tree.information_states import merge_states
from tratree.tree.mcts import search, search_paths
from tratree.tree.merge import build_tree, build_trees
from tratree.tree.path_comparison import PathComparison, best_paths, compare_paths, greedy_path
from tratree.tree.paths import pair_trajectories, path_trajectory
from tratree.tree.recovery import Recovery, recoveries
from tratree.tree.sentence_embeddings import SentenceEmbeddings
from tratree.tree.similarity import CharacterNgrams, ExactText, Similarity, make_similarity
from tratree.tree.statistics import TreeStatistics, forest_statistics, tree_statistics
from tratree.tree.trajectory_pairs import TrajectoryPair, unstructured_pairs
from tratree.tree.types import TrajectoryTree
from tratree.tree.useless import useless_pairs
from tratree.tree.value_iteration import shortest_paths, without_loops
from tratree.tree.view import render

__all__ = [
    "CharacterNgrams",
    "ExactText",
    "Forest",
    "Graph",
    "Pair",
    "PathComparison",
    "Recovery",
    "SentenceEmbeddings",
    "Similarity",
    "TrajectoryPair",
    "TrajectoryTree",
    "TreeStatistics",
    "best_paths",
    "build_tree",
    "build_trees",
    "compare_paths",
    "find_pairs",
    "forest_statistics",
    "greedy_path",
    "load_trees",
    "make_graphs",
    "make_similarity",
    "merge_states",
    "pair_trajectories",
    "path_trajectory",
    "recoveries",
    "render",
    "save_trees",
    "search",
    "search_paths",
    "shortest_paths",
    "tree_statistics",
    "unstructured_pairs",
    "useless_pairs",
    "without_loops",
]
