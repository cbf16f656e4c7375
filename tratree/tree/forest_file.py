"""The trees of a run on disk: one npz file."""

from __future__ import annotations

import math
import zipfile
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from tratree.documents import parse_json
from tratree.errors import UserError
from tratree.trajectory.jsonl import canonical_json
from tratree.trajectory.types import Trajectory
from tratree.tree.types import Ints, TrajectoryTree, assemble

TREES = "trees.npz"
"""The file of trees in a folder."""

_FORMAT = 2
_LINKS = ("parent", "action_id", "step_node")


def save_trees(path: Path, trees: Sequence[TrajectoryTree]) -> None:
    """Write trees as one npz file; equal trees give equal bytes.

    The file holds what the other arrays follow from. F trees, N nodes and S steps of all of
    them: ``node_start`` and ``step_start`` int64 [F + 1], where each tree begins; ``parent`` and
    ``action_id`` int32 [N] and ``step_node`` int32 [S], each tree's as in `TrajectoryTree`;
    ``texts`` uint8, one line of UTF-8 JSON for each tree, its actions and trajectories. ``state``
    int32 [N] is there only if nodes of any tree share an information state.
    """
    texts = [
        {"actions": t.actions, "trajectories": [each.to_json() for each in t.trajectories]}
        for t in trees
    ]
    joined: dict[str, Any] = {
        name: np.concatenate([np.empty(0, np.int32), *(getattr(t, name) for t in trees)])
        for name in _LINKS
    }
    if any(tree.is_graph for tree in trees):
        joined["state"] = np.concatenate([tree.state for tree in trees])
    with path.open("wb") as file:
        np.savez_compressed(
            file,
            format=np.int32(_FORMAT),
            node_start=np.cumsum([0, *(len(t.parent) for t in trees)]),
            step_start=np.cumsum([0, *(len(t.step_node) for t in trees)]),
            texts=np.frombuffer(
                "".join(f"{canonical_json(of_tree)}\n" for of_tree in texts).encode(), np.uint8
            ),
            **joined,
        )


def load_trees(path: Path) -> list[TrajectoryTree]:
    """Read trees that `save_trees` wrote, in their order. Runs no code from the file.

    Raises:
        UserError: If the file is missing, damaged, or of another format.
    """
    try:
        _check_sizes(path)
        with np.load(path, allow_pickle=False) as arrays:
            if arrays["format"] != _FORMAT:
                raise ValueError(f"format {arrays['format']} is not {_FORMAT}")
            lines = arrays["texts"].tobytes().split(b"\n")[:-1]
            node_start, step_start = _starts(arrays["node_start"]), _starts(arrays["step_start"])
            parent, action_id, step_node = (
                arrays[name].astype(np.int32, casting="safe") for name in _LINKS
            )
            states = arrays["state"].astype(np.int32, casting="safe") if "state" in arrays else None
        if not (
            len(lines) == len(node_start) - 1 == len(step_start) - 1
            and node_start[-1] == len(parent) == len(action_id)
            and step_start[-1] == len(step_node)
            and (states is None or states.shape == parent.shape)
        ):
            raise ValueError("its arrays contradict each other")
        return [
            _tree(
                parse_json(line),
                parent[node_start[number] : node_start[number + 1]],
                action_id[node_start[number] : node_start[number + 1]],
                step_node[step_start[number] : step_start[number + 1]],
                None if states is None else states[node_start[number] : node_start[number + 1]],
            )
            for number, line in enumerate(lines)
        ]
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


def _check_sizes(path: Path) -> None:
    """Raise ValueError if an array says that it is larger than its part of the file."""
    with zipfile.ZipFile(path) as archive:
        for member in archive.infolist():
            with archive.open(member) as file:
                version = np.lib.format.read_magic(file)
                read = {
                    (1, 0): np.lib.format.read_array_header_1_0,
                    (2, 0): np.lib.format.read_array_header_2_0,
                }[version]
                shape, _, dtype = read(file)
                if math.prod(shape) * dtype.itemsize != member.file_size - file.tell():
                    raise ValueError(f"{member.filename} is not as large as it says")


def _starts(starts: Any) -> list[int]:
    if starts.ndim != 1 or len(starts) == 0 or starts[0] != 0 or np.any(np.diff(starts) < 0):
        raise ValueError("its arrays contradict each other")
    return [int(start) for start in starts]


def _tree(
    texts: Any, parent: Ints, action_id: Ints, step_node: Ints, state: Ints | None
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
