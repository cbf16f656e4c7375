"""Samples in a temporary file, so that memory does not bound how many a training has."""

from __future__ import annotations

import pickle
from abc import abstractmethod
from array import array
from collections.abc import Sequence
from contextlib import suppress
from tempfile import SpooledTemporaryFile, gettempdir
from typing import Any, TypeVar, overload
from weakref import finalize

from tratree.errors import UserError

Item = TypeVar("Item")

IN_MEMORY = 64 * 2**20
"""Bytes of samples above which they are in a file."""


class _OnDemand(Sequence[Item]):
    """A sequence of which an item is made when it is asked for."""

    @abstractmethod
    def _read(self, number: int) -> Item: ...

    @overload
    def __getitem__(self, number: int) -> Item: ...
    @overload
    def __getitem__(self, number: slice) -> list[Item]: ...
    def __getitem__(self, number: int | slice) -> Item | list[Item]:
        numbers = range(len(self))[number]  # raises IndexError
        return self._read(numbers) if isinstance(numbers, int) else [*map(self._read, numbers)]


class SampleFile(_OnDemand[Item]):
    """Samples in the order in which they were added; each is read when it is asked for.

    A few stay in memory. More are in a file in ``TMPDIR`` that has no name and ends with this
    process; memory then holds 8 bytes a sample, which say where it is.
    """

    def __init__(self) -> None:
        self._file: Any = SpooledTemporaryFile(max_size=IN_MEMORY)  # noqa: SIM115
        finalize(self, self._file.close)
        self._ends = array("q", [0])

    def append(self, sample: Item) -> None:
        """Add a sample.

        Raises:
            UserError: If the disk is full.
        """
        try:
            self._file.seek(self._ends[-1])
            self._file.write(pickle.dumps(sample, pickle.HIGHEST_PROTOCOL))
            self._file.flush()
        except OSError as error:
            with suppress(OSError):  # which tries to write the rest again
                self._file.close()
            raise UserError(
                f"cannot keep the samples of a training in {gettempdir()} ({error.strerror}): "
                "free some space there, or set TMPDIR to a folder with more"
            ) from error
        self._ends.append(self._file.tell())

    def __len__(self) -> int:
        """Return the number of samples."""
        return len(self._ends) - 1

    def _read(self, number: int) -> Item:
        self._file.seek(self._ends[number])
        size = self._ends[number + 1] - self._ends[number]
        sample: Item = pickle.loads(self._file.read(size))
        return sample


class Parts(_OnDemand[list[Item]]):
    """Lists of samples, given by their numbers; each is read when it is asked for."""

    def __init__(self, samples: Sequence[Item], parts: Sequence[Sequence[int]]) -> None:
        self._samples = samples
        self._parts = parts

    def __len__(self) -> int:
        """Return the number of lists."""
        return len(self._parts)

    def _read(self, number: int) -> list[Item]:
        return [self._samples[index] for index in self._parts[number]]
