"""Similarity of observations: the cosine of their vectors."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Protocol
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from tratree.choices import SimilarityName, check_choice
from tratree.tree.sentence_embeddings import MINILM, SentenceEmbeddings
from tratree.tree.types import Floats


class Similarity(Protocol):
    """A comparison of texts."""

    def cosines(self, groups: Sequence[Sequence[str]]) -> list[Floats]:
        """Return for each group of n distinct texts the cosines [n, n] between them."""
        ...


class ExactText:
    """Only equal texts are alike."""

    def cosines(self, groups: Sequence[Sequence[str]]) -> list[Floats]:
        """Return unit matrices."""
        return [np.eye(len(group)) for group in groups]


class Seen:
    """All texts are alike, and are kept: at least those that any other similarity would compare.

    Attributes:
        texts: Those that were compared, in order.
    """

    def __init__(self) -> None:
        self.texts: dict[str, None] = {}

    def cosines(self, groups: Sequence[Sequence[str]]) -> list[Floats]:
        """Return matrices of ones."""
        self.texts.update(dict.fromkeys(text for group in groups for text in group))
        return [np.ones((len(group), len(group))) for group in groups]


class CharacterNgrams:
    """Counts of the runs of `length` characters, hashed into `dimensions` signed buckets.

    Needs no weights and gives the same vectors on every machine. It sees spelling, not meaning:
    long observations that differ in one number have a cosine above 0.95. With the defaults,
    hashing moves cosines of WebShop's and ScienceWorld's observations by about 0.01.
    """

    def __init__(self, length: int = 3, dimensions: int = 4096) -> None:
        self.length = length
        self.dimensions = dimensions

    def cosines(self, groups: Sequence[Sequence[str]]) -> list[Floats]:
        """Return the cosines within each group; a text's n-grams are counted once."""
        vectors = (self.encode(group).astype(np.float64) for group in groups)
        return [of_group @ of_group.T for of_group in vectors]

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return unit vectors [n, dimensions]."""
        counts = np.zeros((len(texts), self.dimensions))
        for row, text in zip(counts, texts, strict=True):
            buckets, signs = _hashed_ngrams(text, self.length, self.dimensions)
            np.add.at(row, buckets, signs)
        lengths = np.linalg.norm(counts, axis=1, keepdims=True)
        return (counts / np.maximum(lengths, np.finfo(np.float64).tiny)).astype(np.float32)


def make_similarity(name: str, *, encoder: str = MINILM, cache: Path | None = None) -> Similarity:
    """Return a similarity by its name: ``exact``, ``ngrams`` or ``minilm``.

    `encoder` and `cache` are those of `SentenceEmbeddings`.

    Raises:
        UserError: If the name is unknown.
    """
    check_choice("similarity", name, SimilarityName)
    if name == "minilm":
        return SentenceEmbeddings(encoder, cache=cache)
    return ExactText() if name == "exact" else CharacterNgrams()


@lru_cache(2**15)
def _hashed_ngrams(
    text: str, length: int, dimensions: int
) -> tuple[NDArray[np.int32], NDArray[np.int8]]:
    """Return the bucket and the sign of every n-gram of a text."""
    border = "\0" * (length - 1)
    padded = f"{border}{text}{border}"
    hashes = np.array(
        [
            crc32(padded[start : start + length].encode("utf-8", "surrogatepass"))
            for start in range(len(padded) - length + 1)
        ],
        dtype=np.int64,
    )
    return (hashes % dimensions).astype(np.int32), np.where(hashes >> 31, -1, 1).astype(np.int8)
