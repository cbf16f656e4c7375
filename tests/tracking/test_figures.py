"""Figures in every tracker: curves, also of what the store held, results, tests, settings."""

from __future__ import annotations

import csv
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.report.run_examples import comparisons, figures
from tests.tree.view_examples import small_trees
from tratree.errors import UserError
from tratree.modules.training_history import append_metrics
from tratree.tracking.figures import FigureTracker, result_figures
from tratree.tracking.file_trackers import CSVTracker, TensorBoardTracker
from tratree.tracking.settings import LoggerSettings
from tratree.tracking.tracker import RunFacts, StageFacts
from tratree.tree.forest_file import TREES, save_trees

SETTINGS = {"method": {"name": "mcts", "beta": 0.1}, "seed": 7}
LOSSES = [3.0, 2.0, 1.0]
RESULTS = {
    "systems": {name: {"test": figures(0.5)} for name in ("sft_strong", "mcts")},
    "comparisons": comparisons(),
}


@pytest.fixture
def store(tmp_path: Path) -> Path:
    """A store with one fine-tuning and one stage of trees."""
    (tmp_path / "sft").mkdir()
    for number, loss in enumerate(LOSSES):
        append_metrics(tmp_path / "sft" / "metrics.jsonl", {"step": number + 1, "loss": loss})
    (tmp_path / "trees").mkdir()
    save_trees(tmp_path / "trees" / TREES, small_trees())
    return tmp_path


def follow(tracker: FigureTracker, store: Path) -> None:
    """Tell a tracker of a run whose stages were all in the store."""
    for name, title in (("sft", "sft weak"), ("trees", "trees")):
        tracker.stage_done(StageFacts(name, title, name, {}, ()), store / name, computed=False)
    tracker.results_done(RESULTS, {}, str)
    tracker.close(None)


def is_whole(kept: Mapping[str, Any]) -> bool:
    """Return whether the figures of the run are all there."""
    expected = {
        **{"results/mcts/test/reward": 0.5, "results/mcts/test/reward_low": 0.25},
        **{"tests/mcts/test/reward_p_holm": 0.06, "tests/mcts/test/reward_difference": 0.25},
        "forest/trees": 3,
    }
    return {name: pytest.approx(float(kept[name])) for name in expected} == expected


def test_csv_files(store: Path) -> None:
    for _ in range(2):  # again in the same folder
        follow(CSVTracker(store / "csv", SETTINGS), store)
    curve = list(csv.DictReader((store / "csv" / "sft_weak" / "metrics.csv").open()))
    assert [(int(row["step"]), float(row["loss"])) for row in curve] == [*enumerate(LOSSES, 1)]
    [kept] = csv.DictReader((store / "csv" / "run" / "metrics.csv").open())
    assert is_whole(kept)
    settings = yaml.safe_load((store / "csv" / "run" / "hparams.yaml").read_text())
    assert settings == SETTINGS


def test_tensorboards_own_reader_finds_everything(store: Path) -> None:
    reader = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    for _ in range(2):
        follow(TensorBoardTracker(store / "tb", SETTINGS), store)
    curve = reader.EventAccumulator(str(store / "tb" / "sft_weak")).Reload().Scalars("loss")
    assert [(one.step, one.value) for one in curve] == [*enumerate(LOSSES, 1)]
    run = reader.EventAccumulator(str(store / "tb" / "run")).Reload()
    assert is_whole({tag: run.Scalars(tag)[-1].value for tag in run.Tags()["scalars"]})
    hparams = run.SummaryMetadata("_hparams_/session_start_info").plugin_data.content
    assert b"method/beta" in hparams
    settings = yaml.safe_load((store / "tb" / "sft_weak" / "hparams.yaml").read_text())
    assert settings["seed"] == 7


def test_trackio_keeps_a_run_without_an_account(
    store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TRACKIO_DIR", str(store / "trackio"))
    pytest.importorskip("trackio")
    from trackio.sqlite_storage import SQLiteStorage

    from tratree.tracking.trackio_tracker import TrackioTracker

    facts = RunFacts("alfworld", "mcts", "tiny", 7, SETTINGS, {}, "identity", "result")
    for _ in range(2):
        follow(TrackioTracker(LoggerSettings("trackio"), facts), store)
    [run] = SQLiteStorage.get_runs("tratree")
    rows = SQLiteStorage.get_logs("tratree", run)
    curve = [(row["step"], row["sft_weak/loss"]) for row in rows if "sft_weak/loss" in row]
    assert curve == [*enumerate(LOSSES, 1)]
    assert is_whole({name: value for row in rows for name, value in row.items()})
    assert SQLiteStorage.get_run_config("tratree", run)["method"] == SETTINGS["method"]


def test_without_trackio_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    from tratree.tracking.trackio_tracker import TrackioTracker

    monkeypatch.setitem(sys.modules, "trackio", None)
    facts = RunFacts("alfworld", "mcts", "tiny", 7, SETTINGS, {}, "identity", "result")
    with pytest.raises(UserError, match=r"pip install 'tratree\[trackio\]'"):
        TrackioTracker(LoggerSettings("trackio"), facts)


def test_what_a_result_lacks_is_left_out() -> None:
    found = result_figures(RESULTS)
    assert "results/mcts/test/pgr" not in found
    assert all(isinstance(value, float) for value in found.values())
