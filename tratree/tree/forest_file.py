"""The trees of a run on disk: one npz file."""

from __future__ import annotations

import tempfile
import zipfile
import zlib
from array import array
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np

from tratree.documents import parse_json
from tratree.errors import UserError
from tratree.trajectory.jsonl import canonical_json
from tratree.trajectory.types import Trajectory
from tratree.tree.array_file import Pieces, check_sizes, write_array, write_pieces
from tratree.tree.types import Ints, TrajectoryTree, assemble

TREES = "trees.npz"
"""The file of trees in a folder."""

_FORMAT = 2
_LINKS = ("parent", "action_id", "step_node")
_STATE = "state"


def save_trees(path: Path, trees: Iterable[TrajectoryTree]) -> None:
    """Write trees as one npz file, one after the other; equal trees give equal bytes.

    The file holds what the other arrays follow from. F trees, N nodes and S steps of all of
    them: ``node_start`` and ``step_start`` int64 [F + 1], where each tree begins; ``parent`` and
    ``action_id`` int32 [N] and ``step_node`` int32 [S], each tree's as in `TrajectoryTree`;
    ``texts`` uint8, one line of UTF-8 JSON for each tree, its actions and trajectories. ``state``
    int32 [N] is there only if nodes of any tree share an information state.
    """
    node_start, step_start, graphs = array("q", [0]), array("q", [0]), False
    with ExitStack() as opened:
        # An array of an npz file begins with its length, so all of it is written elsewhere first.
        pieces = {
            name: opened.enter_context(tempfile.TemporaryFile(dir=path.parent))
            for name in (*_LINKS, _STATE, "texts")
        }
        for tree in trees:
            graphs = graphs or tree.is_graph
            for name in (*_LINKS, _STATE):
                pieces[name].write(getattr(tree, name).astype(np.int32, casting="safe").tobytes())
            texts = {
                "actions": tree.actions,
                "trajectories": [each.to_json() for each in tree.trajectories],
            }
            pieces["texts"].write(canonical_json(texts).encode() + b"\n")
            node_start.append(node_start[-1] + len(tree.parent))
            step_start.append(step_start[-1] + len(tree.step_node))
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            write_array(archive, "format", np.int32(_FORMAT))
            write_array(archive, "node_start", np.array(node_start, np.int64))
            write_array(archive, "step_start", np.array(step_start, np.int64))
            write_pieces(archive, "texts", np.uint8, pieces["texts"])
            for name in (*_LINKS, _STATE) if graphs else _LINKS:
                write_pieces(archive, name, np.int32, pieces[name])


def load_trees(path: Path) -> list[TrajectoryTree]:
    """Read trees that `save_trees` wrote, in their order. Runs no code from the file.

    Raises:
        UserError: If the file is missing, damaged, or of another format.
    """
    return list(iterate_trees(path))


def iterate_trees(path: Path) -> Iterator[TrajectoryTree]:
    """Read trees as `load_trees` does, one at a time.

    Raises:
        UserError: As `load_trees`; of a damaged file perhaps not before its last tree.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            check_sizes(archive)
            with np.load(path, allow_pickle=False) as arrays:
                if arrays["format"] != _FORMAT:
                    raise ValueError(f"format {arrays['format']} is not {_FORMAT}")
                nodes, steps = _lengths(arrays["node_start"]), _lengths(arrays["step_start"])
            states = [_STATE] if f"{_STATE}.npy" in archive.namelist() else []
            texts, *links = (Pieces(archive, name) for name in ("texts", *_LINKS, *states))
            of_tree = (nodes, nodes, steps, *(nodes for _ in states))
            if len(nodes) != len(steps) or any(
                sum(lengths) != found.length for lengths, found in zip(of_tree, links, strict=True)
            ):
                raise ValueError("its arrays contradict each other")
            for counts in zip(*of_tree, strict=True):
                taken = [found.take(count) for found, count in zip(links, counts, strict=True)]
                yield _tree(parse_json(texts.line()), *taken)
            for found in (texts, *links):
                found.check_end()
    except FileNotFoundError as error:
        raise UserError(f"there are no trees at {path}: build the trees first") from error
    except (
        *(AttributeError, EOFError, LookupError, OSError, TypeError, ValueError),
        *(NotImplementedError, zipfile.BadZipFile, zlib.error),
        *(MemoryError, OverflowError, RecursionError),
    ) as error:
        reason = " ".join(str(error).split())[:200]
        raise UserError(
            f"{path} is not an intact file of trees ({reason}): build them again"
        ) from error


def _lengths(starts: Any) -> list[int]:
    """Return the lengths of parts, given where each begins and the last one ends."""
    if starts.ndim != 1 or len(starts) == 0 or starts[0] != 0 or np.any(np.diff(starts) < 0):
        raise ValueError("its arrays contradict each other")
    return np.diff(starts).tolist()


def _tree(
    texts: Any, parent: Ints, action_id: Ints, step_node: Ints, state: Ints | None = None
) -> TrajectoryTree:
    if not all(isinstance(action, str) for action in texts["actions"]):
        raise ValueError("an action is not text")
    trajectories = [Trajectory.from_json(t) for t in texts["trajectories"]]
    _check_links(trajectories, texts["actions"], parent, action_id, step_node)
    if state is not None and not (
        np.all((state >= 0) & (state <= np.arange(len(state)))) and np.all(state[state] == state)
    ):
        raise ValueError("its arrays contradict each other")
    return assemble(trajectories, texts["actions"], parent, action_id, step_node, state)


def _check_links(
    trajectories: Sequence[Trajectory],
    actions: Sequence[str],
    parent: Ints,
    action_id: Ints,
    step_node: Ints,
) -> None:
    """Raise ValueError unless the arguments of `assemble` are consistent with each other."""
    before = np.roll(step_node, 1)
    lengths = [len(t.steps) for t in trajectories]
    starts = np.cumsum([0, *lengths])[:-1][np.array(lengths) > 0]
    before[starts] = 0
    nodes = np.arange(1, len(parent))
    consistent = (
        len(trajectories) > 0
        and sum(lengths) == len(step_node)
        and parent.ndim == action_id.ndim == step_node.ndim == 1
        and len(parent) == len(action_id)
        and parent[0] == action_id[0] == -1
        and np.all((parent[1:] >= 0) & (parent[1:] < nodes))
        and np.all(np.diff(parent) >= 0)
        and np.all((action_id[1:] >= 0) & (action_id[1:] < len(actions)))
        and np.array_equal(np.unique(step_node), nodes)
        and np.array_equal(parent[step_node], before)
    )
    if not consistent:
        raise ValueError("its arrays contradict each other")
