"""Preference pairs against actions that changed nothing."""

from __future__ import annotations

from tratree.tree.divergence import Aggregate, Pair, aggregated, with_history
from tratree.tree.graph import make_graphs
from tratree.tree.information_states import by_history
from tratree.tree.types import TrajectoryTree


def useless_pairs(
    tree: TrajectoryTree,
    *,
    aggregate: Aggregate = "mean",
    max_pairs_per_divergence: int | None = None,
    max_pairs_per_task: int | None = None,
) -> list[Pair]:
    """Pair the best action taken in a state with each that led back to it at once.

    An action that left the environment in an equal state and showed nothing new is useless,
    whatever came of the trajectories that took it; so trees without any success give pairs, too.
    The best of the others has the highest aggregated score, then the most visits, then comes
    first. Both sides are one step long, with a history as in `find_pairs`. In a tree merged by
    history alone there are none.

    Args:
        tree: The tree, as a graph.
        aggregate: How the scores of the trajectories that took an action are put together.
        max_pairs_per_divergence: At each state, those taken most often; None takes all.
        max_pairs_per_task: First one of each state, then a second of each, and so on, in stored
            order; None takes all.

    Returns:
        The pairs by state.
    """
    (graph,), (histories,) = make_graphs([tree]), make_graphs([by_history(tree)])
    score, of_node = aggregated(graph, aggregate)[0], aggregated(histories, aggregate)[0]
    found = []
    for state in graph.states:
        children = graph.children(state)
        useless = [child for child in children if graph.state[child] == state]
        others = [child for child in children if graph.state[child] != state]
        if useless and others:
            best = max(others, key=lambda child: (score[child], graph.visits[child], -child))
            useless.sort(key=lambda child: (-graph.visits[child], child))
            kept = useless[:max_pairs_per_divergence]
            found += [(turn, state, best, rejected) for turn, rejected in enumerate(kept)]
    pairs = []
    for _, _, best, rejected in sorted(sorted(found)[:max_pairs_per_task], key=lambda p: p[1]):
        prefix, one, other = with_history(graph, best, rejected, of_node)
        pairs.append(Pair(prefix, (one,), (other,), float(score[best]), float(score[rejected])))
    return pairs
