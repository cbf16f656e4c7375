"""Too few tasks, and first turns that do not fit, are refused before models play or learn."""

from __future__ import annotations

from pathlib import Path

import pytest
from rich.console import Console

from tratree.composition import compose_config
from tratree.errors import UserError
from tratree.runs.run import open_store
from tratree.stages.methods import evaluations
from tratree.stages.openings import check_openings
from tratree.store.progress import Progress
from tratree.store.store import unfinished_stages

SMALL = ("env.train_games=2", "env.held_out_games=1", "model.context=110")
COUNTS = ("expert.tasks=2", "explore.tasks=2", "evaluation.episodes=1")


def check(store: Path, *overrides: str) -> None:
    config = compose_config([f"store={store}", *SMALL, *COUNTS, *overrides])
    missing = unfinished_stages(store, evaluations(config).values())
    with (store.parent / "log").open("w") as log:
        check_openings(config, open_store(config, Progress(Console(file=log))), missing)


def test_an_opening_with_too_many_actions_is_refused_with_advice_that_works(tmp_path: Path) -> None:
    check(tmp_path / "store")
    with pytest.raises(UserError, match=r"set env\.show_at_most=(\d+)") as refused:
        check(tmp_path / "store", "env.show_admissible=true")
    advised = str(refused.value).partition("set ")[2].partition(",")[0]
    check(tmp_path / "store", "env.show_admissible=true", advised)


@pytest.mark.parametrize(
    ("overrides", "said"),
    [
        (("expert.tasks=3",), r"expert\.tasks=3, but the split has 2 tasks"),
        (("explore.tasks=3",), r"explore\.tasks=3, but the split has 2 tasks"),
        (("method=ceiling", "explore.tasks=3"), r"explore\.tasks=3, but the split has 2 tasks"),
        (("evaluation.episodes=2",), r"evaluation\.episodes=2, but the split has 1 task:"),
        (("model.context=40",), r"needs \d+ tokens, \d+ of them for the answer"),
    ],
)
def test_what_a_later_stage_would_refuse_is_refused_first(
    overrides: tuple[str, ...], said: str, tmp_path: Path
) -> None:
    with pytest.raises(UserError, match=said):
        check(tmp_path / "store", *overrides)
    finished = (tmp_path / "store").glob("*/*/stage.json")
    assert [path.parent.parent.name for path in finished] == ["games"]


def test_tasks_that_no_missing_stage_takes_are_not_counted(tmp_path: Path) -> None:
    check(tmp_path / "store", "method=sft_strong", "explore.tasks=3")
    check(tmp_path / "store", "method=eto", "explore.tasks=3")
