"""Virtual machines for all tests that do no harm to them: one plays, one makes gold paths."""

from collections.abc import Iterator

import pytest

from tratree.envs.scienceworld.gold import GoldPaths
from tratree.envs.scienceworld.simulator import Simulator


@pytest.fixture(scope="session")
def simulator() -> Iterator[Simulator]:
    simulator = Simulator("easy")
    yield simulator
    simulator.close()


@pytest.fixture(scope="session")
def gold(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GoldPaths]:
    gold = GoldPaths("easy", tmp_path_factory.mktemp("gold"), "packaged")
    yield gold
    gold.close()
