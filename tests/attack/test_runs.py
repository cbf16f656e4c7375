"""Whole runs that are killed at file operations, and the damage to what they have stored.

A sample: `make attack` has more kills, all methods and environments.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.attack.corruption import damage_all
from tests.attack.kills import killed, undisturbed

OVERRIDES = ("debug=smoke", "method=mcts")


@pytest.mark.slow
def test_kills_and_damage_change_no_result(tmp_path: Path) -> None:
    operations = undisturbed(tmp_path, OVERRIDES)
    outcome = killed(tmp_path, OVERRIDES, operations, kills=4, seed=0)
    assert outcome.kills > 0
    assert outcome.differences == []
    tried = list(damage_all(tmp_path, OVERRIDES))
    assert len(tried) > 100
    assert [(what, fault) for what, fault in tried if fault] == []
