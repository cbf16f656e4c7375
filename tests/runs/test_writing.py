"""A run folder belongs to one run at a time, and every run has one of its own."""

from __future__ import annotations

import multiprocessing
from pathlib import Path

import pytest
from hydra import compose, initialize_config_dir

from tratree.composition import CONFIG_FOLDER
from tratree.config_reading import register_defaults
from tratree.errors import UserError
from tratree.runs.run_folder import writing
from tratree.runs.starts import STARTS


def write(run: Path) -> str:
    """Return what a process is told that wants the folder."""
    try:
        with writing(run):
            return ""
    except UserError as error:
        return str(error)


def folder_of_a_run(_: int) -> str:
    register_defaults()
    with initialize_config_dir(str(CONFIG_FOLDER), version_base="1.3"):
        composed = compose("config", return_hydra_config=True)
        return f"{composed.hydra.run.dir} {composed.hydra.sweep.dir}"


def test_a_folder_that_another_process_writes_is_refused(tmp_path: Path) -> None:
    with multiprocessing.get_context("forkserver").Pool(1) as pool:
        with writing(tmp_path), writing(tmp_path):  # the same process may
            assert "another run is writing" in pool.apply(write, (tmp_path,))
        assert pool.apply(write, (tmp_path,)) == ""


@pytest.mark.parametrize("place", ["file", "file/below", "/proc/below", "nul\0"])
def test_a_folder_that_cannot_be_one_is_refused_in_one_line(tmp_path: Path, place: str) -> None:
    (tmp_path / "file").write_text("")
    with (
        pytest.raises(UserError, match="cannot write the run folder") as caught,
        writing(tmp_path / place),
    ):
        pass
    assert "\n" not in str(caught.value)


def test_runs_that_start_together_have_folders_of_their_own() -> None:
    with multiprocessing.get_context("forkserver").Pool(3) as pool:
        found = pool.map(folder_of_a_run, range(3), chunksize=1)
    assert len(set(found)) == 3


def test_only_a_folder_made_for_a_refused_run_is_removed(tmp_path: Path) -> None:
    there = tmp_path / "there"
    there.mkdir()
    for run in (there, tmp_path / "new" / "run"):
        with pytest.raises(UserError, match="refused"), writing(run):
            raise UserError("refused")
    assert list(tmp_path.iterdir()) == [there]
    (there / STARTS).touch()
    with pytest.raises(UserError, match="later"), writing(there):
        raise UserError("later")
    assert (there / STARTS).exists()
