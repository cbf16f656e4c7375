"""Fixtures and settings of all tests."""

import os
import signal
from collections.abc import Iterator

import hypothesis
import pytest

from tratree import large_imports

# All imports of the suite, up to the end of its collection.
large_imports.begin()

# How long an example takes says more about the machine.
hypothesis.settings.register_profile("suite", deadline=None)
hypothesis.settings.load_profile("suite")

# As the command line does: without it, threads of small models spin while they wait.
os.environ.setdefault("OMP_WAIT_POLICY", "passive")

# The processes that share the tests have work for all cores. Fine-tunings set their own number.
os.environ.setdefault("OMP_NUM_THREADS", "1")

# A shell's background jobs ignore Ctrl-C, and so would the programs that tests start and interrupt.
signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_finish() -> None:
    large_imports.end()


@pytest.fixture(scope="module")
def several_threads() -> Iterator[None]:
    """PyTorch works in two threads here, and in one in each of two workers."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(before)
