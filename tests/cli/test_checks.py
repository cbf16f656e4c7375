"""Folders that W&B is told to write to are tried before anything is computed."""

from __future__ import annotations

from pathlib import Path

import pytest

from tratree.cli.checks import check_machine
from tratree.composition import compose_config
from tratree.errors import UserError


@pytest.mark.parametrize("name", ["WANDB_DATA_DIR", "WANDB_CACHE_DIR"])
def test_a_folder_of_wandb_that_cannot_be_written_is_named(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken = tmp_path / "file"
    taken.write_text("in the way", encoding="utf-8")
    monkeypatch.setenv(name, str(taken))
    store = f"store={tmp_path / 'store'}"
    with pytest.raises(UserError, match=rf"{name}=.* can't be written .*: set {name} to a folder"):
        check_machine(compose_config([store, "logger=wandb"]))
    check_machine(compose_config([store, "logger=csv"]))
