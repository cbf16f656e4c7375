"""Samples in a temporary file: as they were added, and without memory."""

from __future__ import annotations

import resource
import signal
import tracemalloc
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tratree.data import sample_file
from tratree.data.episodes import EpisodeDataModule
from tratree.data.sample_file import Parts, SampleFile
from tratree.errors import UserError
from tratree.policy.encoding import EncodedTrajectory


@given(st.lists(st.binary(max_size=20)), st.sampled_from([0, 16, 2**20]))
def test_samples_are_read_as_they_were_added(samples: list[bytes], in_memory: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sample_file, "IN_MEMORY", in_memory or 1)
        kept: SampleFile[bytes] = SampleFile()
    for number, sample in enumerate(samples):
        kept.append(sample)
        assert kept[number // 2] == samples[number // 2]  # reading moves no sample that follows
    assert list(kept) == samples
    assert kept[1:3] == samples[1:3]
    numbers = [range(n) for n in range(len(samples) + 1)]
    assert list(Parts(kept, numbers)) == [samples[:n] for n in range(len(samples) + 1)]
    with pytest.raises(IndexError):
        kept[len(samples)]


def test_many_samples_of_a_training_are_not_in_memory_nor_in_a_file_with_a_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.setattr(sample_file, "IN_MEMORY", 2**16)

    def module(count: int) -> EpisodeDataModule:
        mask = (False, *[True] * 999)
        ids = (tuple(range(number, number + 1000)) for number in range(count))
        return EpisodeDataModule((EncodedTrajectory(i, mask, ()).compact() for i in ids), 1000)

    module(10)  # what is made once, such as imports
    tracemalloc.start()
    try:
        data = module(1000)
        held, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert data.samples[999].token_ids[0] == 999
    assert held < 200 * len(data.samples)  # of 5,000 bytes that a sample takes
    assert not list(tmp_path.iterdir())


def test_a_full_disk_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sample_file, "IN_MEMORY", 1)
    kept: SampleFile[bytes] = SampleFile()
    kept.append(b"rolled over")
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (2**12, limits[1]))
    try:
        with pytest.raises(UserError, match="set TMPDIR to a folder with more"):
            kept.append(bytes(2**14))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, handler)
