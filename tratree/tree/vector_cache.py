"""Vectors of texts, kept on disk between runs."""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Sequence
from contextlib import suppress
from hashlib import sha256
from io import BytesIO
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tratree.files import write_atomically

_DIGEST_BYTES = 32
_DAMAGE = (OSError, EOFError, LookupError, ValueError, zipfile.BadZipFile, zlib.error)


class VectorCache:
    """The vectors of one model by text, in memory and, with a folder, on disk.

    Each `add` is one file, written under another name and then renamed, so that any number of
    processes may share a folder: none sees half a file, and none waits. A damaged file counts as
    absent. Files are read once, when the cache is first asked.

    Args:
        folder: Holds vectors of one model only; made when needed. None keeps nothing.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self._folder = folder
        self._known: dict[bytes, NDArray[np.float32]] | None = None

    def __contains__(self, text: str) -> bool:
        return _digest(text) in self._vectors()

    def __getitem__(self, text: str) -> NDArray[np.float32]:
        """Return the vector [d] of a text.

        Raises:
            KeyError: If it is not known.
        """
        return self._vectors()[_digest(text)]

    def add(self, texts: Sequence[str], vectors: NDArray[np.float32]) -> None:
        """Keep the vectors [n, d] of `n` texts."""
        digests = [_digest(text) for text in texts]
        self._vectors().update(zip(digests, vectors, strict=True))
        if self._folder is None:
            return
        joined, content = b"".join(digests), BytesIO()
        of_texts = np.frombuffer(joined, np.uint8).reshape(-1, _DIGEST_BYTES)
        np.savez(content, digests=of_texts, vectors=vectors)
        name = f"{sha256(joined).hexdigest()[:32]}.npz"
        write_atomically(self._folder / name, [content.getvalue()])

    def _vectors(self) -> dict[bytes, NDArray[np.float32]]:
        if self._known is None:
            self._known = {}
            for path in sorted(self._folder.glob("*.npz")) if self._folder else ():
                with suppress(*_DAMAGE):
                    self._known.update(_read(path))
        return self._known


def _read(path: Path) -> dict[bytes, NDArray[np.float32]]:
    with np.load(path, allow_pickle=False) as arrays:
        digests, vectors = arrays["digests"], arrays["vectors"]
    if digests.shape != (len(vectors), _DIGEST_BYTES) or vectors.dtype != np.float32:
        raise ValueError("not a file of vectors")
    return {row.tobytes(): vector for row, vector in zip(digests, vectors, strict=True)}


def _digest(text: str) -> bytes:
    return sha256(text.encode("utf-8", "surrogatepass")).digest()
