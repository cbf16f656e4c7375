"""Vectors of observations: two observations are alike if the cosine of theirs is high."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal, Protocol
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from tratree.errors import UserError

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

MINILM = "sentence-transformers/all-MiniLM-L6-v2"


class Similarity(Protocol):
    """What gives texts their vectors."""

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return unit vectors [n, d] of `n` distinct texts, equal ones for equal arguments."""
        ...


class ExactText:
    """Only equal texts are alike: the texts of one call have orthogonal vectors."""

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return the unit matrix [n, n]."""
        return np.eye(len(texts), dtype=np.float32)


class CharacterNgrams:
    """Counts of the runs of `length` characters, hashed into `dimensions` signed buckets.

    Needs no weights and gives the same vectors on every machine. It sees spelling, not meaning:
    long observations that differ in one number have a cosine above 0.95. With the defaults,
    hashing moves cosines of WebShop's and ScienceWorld's observations by about 0.01.
    """

    def __init__(self, length: int = 3, dimensions: int = 4096) -> None:
        self.length = length
        self.dimensions = dimensions

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return unit vectors [n, dimensions]."""
        counts = np.zeros((len(texts), self.dimensions))
        border = "\0" * (self.length - 1)
        for row, text in zip(counts, texts, strict=True):
            padded = f"{border}{text}{border}"
            hashes = np.array(
                [
                    crc32(padded[start : start + self.length].encode("utf-8", "surrogatepass"))
                    for start in range(len(padded) - self.length + 1)
                ]
            )
            signs = np.where(hashes >> 31, -1.0, 1.0)
            np.add.at(row, hashes % self.dimensions, signs)
        return _unit(counts)


class SentenceEmbeddings:
    """Embeddings of a sentence-transformers model, as in the paper. Never uses the network.

    Args:
        model: A folder, or the name of a model that is in the local Hugging Face cache.
        device: Where the model runs.
    """

    def __init__(self, model: str = MINILM, device: str = "cpu") -> None:
        self.model = model
        self.device = device
        self._encoder: SentenceTransformer | None = None

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return unit vectors [n, d]; the first call loads the model.

        Raises:
            UserError: If the model is not on this machine or cannot be loaded.
        """
        if self._encoder is None:
            self._encoder = self._load()
        vectors = self._encoder.encode(
            list(texts), batch_size=64, show_progress_bar=False, convert_to_numpy=True
        )
        return _unit(vectors.astype(np.float64))

    def _load(self) -> SentenceTransformer:
        from sentence_transformers import SentenceTransformer

        try:
            return SentenceTransformer(
                self.model,
                device=self.device,
                local_files_only=True,
                model_kwargs={"use_safetensors": True},
            )
        except Exception as error:
            raise UserError(
                f"cannot load the sentence encoder {self.model}: run `hf download {MINILM}` on a "
                "machine with network, give the folder of a model with safetensors weights, or "
                "set tree.similarity=ngrams"
            ) from error


def make_similarity(
    name: Literal["exact", "ngrams", "minilm"], *, model: str = MINILM
) -> Similarity:
    """Return a similarity by its name; `model` is the name or folder of ``minilm``'s encoder.

    Raises:
        UserError: If the name is unknown.
    """
    match name:
        case "exact":
            return ExactText()
        case "ngrams":
            return CharacterNgrams()
        case "minilm":
            return SentenceEmbeddings(model)
    raise UserError(f"similarity={name} is not known: use exact, ngrams or minilm")


def _unit(vectors: NDArray[np.float64]) -> NDArray[np.float32]:
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    return (vectors / np.maximum(lengths, np.finfo(np.float64).tiny)).astype(np.float32)
