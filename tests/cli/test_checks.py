"""Names of files and folders in a configuration are tried before anything is computed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests import commands
from tratree.cli.checks import check_machine, check_writable
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


def test_a_store_behind_a_link_to_nowhere_is_refused(tmp_path: Path) -> None:
    link = tmp_path / "link"
    link.symlink_to(tmp_path / "nowhere" / "store")
    for store in (link, link / "store"):
        with pytest.raises(UserError, match=rf"store={store} can't be written .*: set store to"):
            check_machine(compose_config([f"store={store}"]))


def test_a_folder_without_a_name_is_refused() -> None:
    with pytest.raises(UserError, match=r"hydra\.run\.dir= names no folder"):
        check_writable("", "hydra.run.dir")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, "is no file or folder of trajectories: correct the path"),
        (b"", "has no records: make or download it again"),
        (b"\xff\xfe\x00", "is neither a JSON list nor one JSON record a line"),
        (b'{"a": 1}', "is not a conversation of an agent"),
    ],
)
def test_demonstrations_that_cannot_be_read_are_refused(
    content: bytes | None, said: str, tmp_path: Path
) -> None:
    path = tmp_path / "demonstrations.jsonl"
    if content is not None:
        path.write_bytes(content)
    config = compose_config([f"expert.demonstrations={path}", f"store={tmp_path}/store"])
    with pytest.raises(UserError, match=f"expert.demonstrations.*{said}"):
        check_machine(config)


def test_demonstrations_may_be_a_folder(tmp_path: Path) -> None:
    folder = tmp_path / "output"
    folder.mkdir()
    config = compose_config([f"expert.demonstrations={folder}", f"store={tmp_path}/store"])
    with pytest.raises(UserError, match=r"has no file that ends in \.json"):
        check_machine(config)
    turns = ["Your task is to: cool a cup.", "Thought: look.\nAction: look", "You see a cup."]
    messages = [
        {"role": role, "content": text}
        for role, text in zip(("user", "assistant", "user"), turns, strict=True)
    ]
    (folder / "readme.json").write_text("{}", "utf-8")
    (folder / "1.json").write_text(json.dumps({"messages": messages}, indent=1), "utf-8")
    check_machine(config)


def test_a_revision_of_a_folder_is_refused(tmp_path: Path) -> None:
    overrides = [f"store={tmp_path}", "model.strong.revision=main"]
    with pytest.raises(UserError, match=r"model\.strong\.revision=main is of a Hub id.* leave"):
        check_machine(compose_config(overrides))


def test_a_rank_above_the_width_of_a_base_is_refused(tmp_path: Path) -> None:
    store = f"store={tmp_path / 'store'}"
    with pytest.raises(UserError, match=r"model\.lora\.rank=100000 is more than .* at most 64"):
        check_machine(compose_config([store, "model.lora.rank=100000"]))
    check_machine(compose_config([store, "model.lora.rank=64"]))
    check_machine(compose_config([store, "model.lora=null"]))


def test_a_folder_of_a_sweep_that_has_no_value_is_one_line(tmp_path: Path) -> None:
    done = commands.train("-m", "seed=0,1", "hydra.sweep.dir=${foo}", folder=tmp_path)
    assert done.returncode == 1
    [line] = done.stderr.splitlines()
    assert line.startswith("error: a hydra.* setting of the sweep: Interpolation key 'foo' not")
