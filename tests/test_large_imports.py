"""Imports that Python's garbage collector does not look at."""

from __future__ import annotations

import gc
from pathlib import Path

import pytest

from tests.programs import start_program
from tratree.large_imports import large_imports

BLOCKS = """
import gc
from tratree.large_imports import large_imports

class Node:
    pass

made, left = [], []
for _ in range(2):
    with large_imports():
        assert not gc.isenabled()
        made += [[] for _ in range(1000)]
        node = Node()
        node.itself = node
    assert gc.isenabled()
    left.append(gc.get_freeze_count())

gc.collect()
del node  # made in the second block
print(left[0] > 1000, left[0] == left[1], gc.collect() > 0)
"""


def test_the_collector_rests_in_the_block_and_forgets_what_the_first_one_made(
    tmp_path: Path,
) -> None:
    said, errors = start_program(BLOCKS, tmp_path / "program.py").communicate()
    assert said.split() == ["True", "True", "True"], errors


def test_the_collector_works_again_after_a_failed_import() -> None:
    with pytest.raises(ModuleNotFoundError), large_imports():
        import tratree.no_such_module  # noqa: F401
    assert gc.isenabled()


PROGRAM = """
import gc, multiprocessing, sys
from tratree.large_imports import import_in_server

def tell():
    print(gc.isenabled(), gc.get_freeze_count() > 1000, "colorsys" in sys.modules)

if __name__ == "__main__":
    context = multiprocessing.get_context("forkserver")
    import_in_server(context, ["no_such_module", "colorsys"])
    process = context.Process(target=tell)
    process.start()
    process.join()
"""


def test_a_server_of_processes_imports_so(tmp_path: Path) -> None:
    said, errors = start_program(PROGRAM, tmp_path / "program.py").communicate()
    assert said.split() == ["True", "True", "True"], errors
