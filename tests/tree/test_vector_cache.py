"""Vectors kept on disk."""

from __future__ import annotations

import multiprocessing
from pathlib import Path

import numpy as np
import pytest

from tratree.tree.vector_cache import VectorCache


def _vectors(*texts: str) -> np.ndarray:
    return np.array([[len(text), ord(text[0])] for text in texts], np.float32)


def test_vectors_come_back(tmp_path):
    cache = VectorCache(tmp_path / "model")
    assert "mug" not in cache
    cache.add(["mug", "cup"], _vectors("mug", "cup"))
    for found in (cache, VectorCache(tmp_path / "model")):
        assert "mug" in found
        assert np.array_equal(found["cup"], _vectors("cup")[0])
        assert "door" not in found
    assert "mug" not in VectorCache(tmp_path / "other model")


def test_without_a_folder_nothing_is_written(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    cache = VectorCache()
    cache.add(["mug"], _vectors("mug"))
    assert "mug" in cache
    assert not list(tmp_path.iterdir())


def test_a_damaged_file_counts_as_absent(tmp_path):
    VectorCache(tmp_path).add(["mug"], _vectors("mug"))
    VectorCache(tmp_path).add(["cup"], _vectors("cup"))
    damaged, whole = sorted(tmp_path.iterdir())
    content = damaged.read_bytes()
    for length in range(0, len(content), 29):
        damaged.write_bytes(content[:length])
        cache = VectorCache(tmp_path)
        assert ("mug" in cache) + ("cup" in cache) == 1
    np.savez(damaged, digests=np.zeros((3, 32), np.uint8), vectors=np.zeros((1, 2), np.float32))
    assert ("mug" in VectorCache(tmp_path)) + ("cup" in VectorCache(tmp_path)) == 1
    assert whole.exists()


def _add(folder: Path, name: str) -> None:
    cache = VectorCache(folder)
    for number in range(20):
        texts = [f"{number} same", f"{number} {name}"]
        cache.add(texts, _vectors(*texts))


@pytest.mark.parametrize("processes", [3])
def test_processes_share_a_folder(tmp_path, processes):
    context = multiprocessing.get_context("spawn")
    running = [context.Process(target=_add, args=(tmp_path, f"p{n}")) for n in range(processes)]
    for process in running:
        process.start()
    for process in running:
        process.join()
    assert [process.exitcode for process in running] == [0] * processes
    cache = VectorCache(tmp_path)
    for number in range(20):
        for name in ("same", *(f"p{n}" for n in range(processes))):
            assert np.array_equal(cache[f"{number} {name}"], _vectors(f"{number} {name}")[0])
    assert not list(tmp_path.glob(".*"))
