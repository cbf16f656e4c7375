"""One-dimensional arrays of an npz file, written and read piece by piece."""

from __future__ import annotations

import io
import math
import shutil
import zipfile
from typing import IO, Any

import numpy as np
from numpy.typing import DTypeLike

from tratree.tree.types import Ints

_CHUNK = 2**24
"""Bytes that numpy, too, hands to the compression at a time."""


def write_array(archive: zipfile.ZipFile, name: str, values: Any) -> None:
    """Write an array as `numpy.savez_compressed` does, to the byte."""
    with archive.open(f"{name}.npy", "w", force_zip64=True) as member:
        np.lib.format.write_array(member, np.asanyarray(values), allow_pickle=False)


def write_pieces(archive: zipfile.ZipFile, name: str, dtype: DTypeLike, pieces: IO[bytes]) -> None:
    """Write an array as `write_array` does, from a file of its items."""
    kind = np.dtype(dtype)
    shape = (pieces.seek(0, io.SEEK_END) // kind.itemsize,)
    pieces.seek(0)
    header = {"descr": kind.str, "fortran_order": False, "shape": shape}
    with archive.open(f"{name}.npy", "w", force_zip64=True) as member:
        np.lib.format.write_array_header_1_0(member, header)
        shutil.copyfileobj(pieces, member, _CHUNK)


class Pieces:
    """An array of a file, from its beginning on.

    Attributes:
        length: Number of its items.
        dtype: Their type.
    """

    def __init__(self, archive: zipfile.ZipFile, name: str) -> None:
        """Open the array.

        Raises:
            ValueError: If it has no or several dimensions, or its items are Python's objects.
        """
        member = archive.open(f"{name}.npy")
        shape, self.dtype = _header(member)
        if len(shape) != 1 or self.dtype.hasobject:
            raise ValueError(f"{name} is not a list of numbers")
        self.length = shape[0]
        self._rest = io.BufferedReader(member, 2**20)  # type: ignore[type-var]

    def take(self, count: int) -> Ints:
        """Return the next items as int32; fewer at the end.

        Raises:
            TypeError: If they are not whole numbers that fit.
        """
        found = np.frombuffer(self._rest.read(count * self.dtype.itemsize), self.dtype)
        return found.astype(np.int32, casting="safe")

    def line(self) -> bytes:
        """Return the next line of an array of characters, without its end.

        Raises:
            ValueError: If there is none.
        """
        found = self._rest.readline()
        if self.dtype != np.uint8 or not found.endswith(b"\n"):
            raise ValueError("a line is missing")
        return found[:-1]

    def check_end(self) -> None:
        """Check that nothing is left, and what is read against its checksum.

        Raises:
            ValueError, BadZipFile: If not.
        """
        if self._rest.read(1):
            raise ValueError("its arrays contradict each other")


def check_sizes(archive: zipfile.ZipFile) -> None:
    """Raise ValueError if an array says that it is larger than its part of the file."""
    for member in archive.infolist():
        with archive.open(member) as file:
            shape, dtype = _header(file)
            if math.prod(shape) * dtype.itemsize != member.file_size - file.tell():
                raise ValueError(f"{member.filename} is not as large as it says")


def _header(file: IO[bytes]) -> tuple[tuple[int, ...], np.dtype[Any]]:
    read = {
        (1, 0): np.lib.format.read_array_header_1_0,
        (2, 0): np.lib.format.read_array_header_2_0,
    }[np.lib.format.read_magic(file)]
    shape, _, dtype = read(file)
    return shape, dtype
