"""No file that others may have written gives a traceback: it is read, or refused in one line."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.attack.mangling import Reader, corpus, fault, mangled
from tests.attack.readers import READERS, prepare

EXAMPLES = 5
HOSTILE = 12
"""Files of the corpus that each reader is given here, others to each; `make attack` gives all."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("readers")
    prepare(folder)
    return folder


@pytest.mark.parametrize("reader", READERS, ids=lambda reader: reader.name)
def test_the_good_file_is_read(folder: Path, reader: Reader) -> None:
    assert fault(reader, folder, (folder / reader.file).read_bytes()) is None


@pytest.mark.parametrize("reader", READERS, ids=lambda reader: reader.name)
def test_a_hostile_file_is_one_line(
    folder: Path, reader: Reader, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folder)
    given = random.Random(reader.name).sample(corpus(), HOSTILE)
    faults = {content[:80]: fault(reader, folder, content) for content in given}
    assert {start: found for start, found in faults.items() if found} == {}
    assert not (folder / "exploited").exists()


@pytest.mark.parametrize("reader", READERS, ids=lambda reader: reader.name)
@settings(max_examples=EXAMPLES, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 2**32))
def test_a_mangled_file_is_one_line(folder: Path, reader: Reader, seed: int) -> None:
    content = mangled(reader, folder, random.Random(seed))
    assert fault(reader, folder, content) is None, content[:2000]
