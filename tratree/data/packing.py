"""Sequences with common beginnings as one sequence in which every common token is stored once."""

from __future__ import annotations

from bisect import bisect
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from tratree.policy.encoding import EncodedTrajectory

Ints = NDArray[np.int64]

_BALANCED = 16
"""Packs for several devices are at most a sixteenth larger than they could be."""


class Pack(NamedTuple):
    """S sequences as the L tokens of their trie, depth first.

    Two sequences share a token if all tokens up to it are equal in both. Token i is seen by
    the tokens i to ``subtree_end[i] - 1``: by itself and by what follows it in any sequence. T
    tokens are trained on, some of them in several sequences: E times in all.

    Attributes:
        token_ids: [1, L] int64.
        position_ids: [1, L] int64, position of each token in its sequences.
        subtree_end: [L] int64.
        trained: [T] int64, positions in the pack of the trained tokens.
        before: [T] int64, positions of the tokens before them.
        terms: [E] int64, indices into `trained`, sequence after sequence.
        owner: [E] int64, the sequence of each term.
        counts: [S] int64, how many tokens each sequence trains.
    """

    token_ids: Tensor
    position_ids: Tensor
    subtree_end: Tensor
    trained: Tensor
    before: Tensor
    terms: Tensor
    owner: Tensor
    counts: Tensor

    @property
    def tokens(self) -> int:
        """L, the tokens that a pass computes."""
        return self.token_ids.numel()


def pack_sequences(samples: Sequence[EncodedTrajectory]) -> Pack:
    """Pack one or more samples, of one tree or of several."""
    tokens = [np.asarray(sample.token_ids, np.int64) for sample in samples]
    places: list[Ints] = [np.zeros(0, np.int64)] * len(samples)
    token_ids, position_ids, before = [], [], []
    subtree_end = np.zeros(sum(map(len, tokens)), np.int64)
    length = 0
    last, place = np.zeros(0, np.int64), np.zeros(0, np.int64)
    # In the order of their token ids, what a sequence shares with any other it shares with its
    # neighbours.
    for index in sorted(range(len(samples)), key=lambda i: tokens[i].tolist()):
        shared = _shared_length(last, tokens[index])
        new = len(tokens[index]) - shared
        subtree_end[place[shared:]] = length
        last, place = tokens[index], np.append(place[:shared], np.arange(length, length + new))
        token_ids.append(last[shared:])
        position_ids.append(np.arange(shared, shared + new))
        before.append(np.append(-1, place)[shared:-1])
        places[index] = place
        length += new
    subtree_end[place] = length

    masks = [np.append(False, np.asarray(s.agent_mask[1:], bool)) for s in samples]
    counts = np.array([mask.sum() for mask in masks])
    trained, terms = np.unique(
        np.concatenate([place[mask] for place, mask in zip(places, masks, strict=True)]),
        return_inverse=True,
    )
    return Pack(
        token_ids=torch.from_numpy(np.concatenate(token_ids)[None]),
        position_ids=torch.from_numpy(np.concatenate(position_ids)[None]),
        subtree_end=torch.from_numpy(subtree_end[:length]),
        trained=torch.from_numpy(trained),
        before=torch.from_numpy(np.concatenate(before)[trained]),
        terms=torch.from_numpy(terms),
        owner=torch.from_numpy(np.repeat(np.arange(len(samples)), counts)),
        counts=torch.from_numpy(counts),
    )


def cut_into_packs(
    groups: Sequence[Sequence[EncodedTrajectory]], tokens: int, devices: int = 1
) -> list[list[int]]:
    """Divide groups of sequences into parts that each make a pack of bounded size.

    Groups with common beginnings come together. A tree that is too large for one pack is so cut
    into subtrees, each with the tokens that lead to it. For several devices they are cut smaller,
    as far as that takes no further pass on any, so that none waits long for another.

    Args:
        groups: Sequences that stay together: both sides of a pair, or a single sequence.
        tokens: Most tokens of a pack; a group that needs more has a pack of its own.
        devices: Number of devices that take a pack each at the same time.

    Returns:
        The indices of the groups of each pack.
    """
    parts = _cut(groups, tokens)
    if devices == 1:
        return parts
    most = -(-len(parts) // devices) * devices
    low, high = 0, tokens
    while high - low > max(1, high // _BALANCED):
        middle = (low + high) // 2
        smaller = _cut(groups, middle)
        if len(smaller) <= most:
            parts, high = smaller, middle
        else:
            low = middle
    return parts


def _cut(groups: Sequence[Sequence[EncodedTrajectory]], tokens: int) -> list[list[int]]:
    parts: list[list[int]] = []
    trie, size = _Trie(), tokens
    for index in sorted(range(len(groups)), key=lambda i: [s.token_ids for s in groups[i]]):
        size += sum(trie.add(sample.token_ids) for sample in groups[index])
        if not parts or size > tokens:
            trie = _Trie()
            size = sum(trie.add(sample.token_ids) for sample in groups[index])
            parts.append([])
        parts[-1].append(index)
    return parts


class _Trie:
    """Token sequences in order, to tell how many tokens another one adds."""

    def __init__(self) -> None:
        self._sorted: list[Any] = []

    def add(self, sequence: Any) -> int:
        """Return how many tokens are new."""
        place = bisect(self._sorted, sequence)
        beside = self._sorted[max(0, place - 1) : place + 1]
        self._sorted.insert(place, sequence)
        shared = (_shared_length(np.asarray(sequence), np.asarray(other)) for other in beside)
        return len(sequence) - max(shared, default=0)


def _shared_length(one: Ints, two: Ints) -> int:
    """Return how many first tokens are equal."""
    length = min(len(one), len(two))
    different = np.flatnonzero(one[:length] != two[:length])
    return int(different[0]) if len(different) else length
