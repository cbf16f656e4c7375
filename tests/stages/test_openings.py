"""Listed actions that do not fit the context are refused before models play or learn."""

from __future__ import annotations

from pathlib import Path

import pytest
from rich.console import Console

from tratree.composition import compose_config
from tratree.errors import UserError
from tratree.runs.run import open_store
from tratree.stages.openings import check_openings
from tratree.store.progress import Progress

SMALL = ("env.train_games=2", "env.held_out_games=1", "model.context=110")


def check(store: Path, *overrides: str) -> None:
    config = compose_config([f"store={store}", *SMALL, *overrides])
    with (store.parent / "log").open("w") as log:
        check_openings(config, open_store(config, Progress(Console(file=log))))


def test_an_opening_with_too_many_actions_is_refused_with_advice_that_works(tmp_path: Path) -> None:
    check(tmp_path / "store")
    with pytest.raises(UserError, match=r"set env\.show_at_most=(\d+)") as refused:
        check(tmp_path / "store", "env.show_admissible=true")
    advised = str(refused.value).partition("set ")[2].partition(",")[0]
    check(tmp_path / "store", "env.show_admissible=true", advised)
