"""Arguments of the commands."""

from __future__ import annotations

from pathlib import Path

import pytest

from tratree.cli import store
from tratree.errors import UserError


@pytest.mark.parametrize("form", [["--store", "{}"], ["--store={}"], ["store={}"]])
def test_a_store_may_be_named_as_a_run_is_given_it(
    form: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "trees").mkdir()
    store.main(["check", *(part.format(tmp_path) for part in form)])
    assert f"0 finished stages in {tmp_path}" in " ".join(capsys.readouterr().out.split())


def test_another_key_is_refused() -> None:
    with pytest.raises(UserError, match="unrecognized arguments: seed=1"):
        store.main(["check", "seed=1"])


@pytest.mark.parametrize(
    ("arguments", "meant"),
    [(["check", "--sotre", "x"], "--store"), (["chekc"], "check"), (["prnue"], "prune")],
)
def test_the_nearest_option_and_choice_is_asked_for(arguments: list[str], meant: str) -> None:
    with pytest.raises(UserError, match=f": did you mean {meant}[?]; `tratree store"):
        store.main(arguments)
