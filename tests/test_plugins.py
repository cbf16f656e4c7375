"""Plug-ins of a package on the path: how they are found, and what is said of bad ones."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from hydra.errors import HydraException

from tratree.cli import planned
from tratree.composition import compose_config, describe_composition_error
from tratree.envs.registry import ENVIRONMENTS
from tratree.errors import UserError
from tratree.method_plugins import METHODS

OFFERED = """
[tratree.environments]
closet = closet:CLOSET
cellar = closet:CELLAR
wardrobe = closet:WARDROBE
broken = closet.nowhere:CLOSET
wild = closet.wild:CLOSET
alfworld2 = tratree.envs.alfworld.plugin:PLUGIN

[tratree.methods]
pray = closet:PRAY

[tratree.conf]
closet = closet.conf
"""
CODE = """
from dataclasses import field
from tratree.envs.plugin import EnvironmentPlugin
from tratree.envs.settings import EnvSettings
from tratree.method_plugins import MethodPlugin
from tratree.plugins import imported_when_called
from tratree.settings import Count, settings
from tratree.stages.settings import MethodSettings

@settings
class Settings(EnvSettings):
    max_steps: Count = 5
    splits: dict[str, str] = field(default_factory=lambda: {"train": "train", "test": "held out"})
    doors: Count = 2

CLOSET = EnvironmentPlugin("closet", Settings, prepare=None, make=None, version=3)
CELLAR = EnvironmentPlugin("cellar", Settings, prepare=None, make=None, extra="light", waits=True)
WARDROBE = Settings

@settings
class Prayer(MethodSettings):
    words: Count = 7

TRAIN = imported_when_called("tratree.stages.methods:sft_weak")
PRAY = MethodPlugin("pray", "hope for the best", TRAIN, Prayer)
"""
METADATA = """Metadata-Version: 2.1
Name: closet
Version: 4.2
Provides-Extra: light
Requires-Dist: numpy
Requires-Dist: lamp-that-nobody-sells>=1 ; extra == "light"
"""


@pytest.fixture
def closet(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Install a package by hand: what an installer would write, in a folder of the path."""
    files = {
        "closet/__init__.py": CODE,
        "closet/wild.py": "raise ZeroDivisionError('no\\nno')",
        "closet/conf/__init__.py": "",
        "closet/conf/env/closet.yaml": "name: closet\ndoors: 3\n",
        "closet/conf/env/cellar.yaml": "name: cellar\n",
        "closet/conf/method/pray.yaml": "defaults: [_pray, _self_]\nname: pray\nwords: 9\n",
        "closet-4.2.dist-info/METADATA": METADATA,
        "closet-4.2.dist-info/entry_points.txt": OFFERED,
    }
    for name, text in files.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    monkeypatch.syspath_prepend(str(tmp_path))
    for name in [name for name in sys.modules if name.partition(".")[0] == "closet"]:
        monkeypatch.delitem(sys.modules, name)
    return tmp_path


OUR_SPLITS = "evaluation.splits=[test]"


@pytest.mark.usefixtures("closet")
def test_a_plugin_is_chosen_by_name_with_its_own_files_and_settings() -> None:
    config = compose_config(["env=closet", OUR_SPLITS, "method=pray", "method.words=11"])
    assert (config.env.doors, config.env.max_steps) == (3, 5)
    assert config.env.splits == {"train": "train", "test": "held out"}
    assert (config.method.words, config.method.beta) == (11, 0.1)
    assert METHODS.find("pray").help == "hope for the best"
    assert METHODS.origin("pray") == "closet 4.2"


@pytest.mark.usefixtures("closet")
def test_a_target_needs_no_entry_point() -> None:
    outside = ["env=outside", OUR_SPLITS, "method.target=closet:PRAY"]
    config = compose_config([*outside, "env.target=closet:CLOSET", "+env.doors=4"])
    assert (config.env.name, config.env.doors, config.method.words) == ("closet", 4, 7)
    assert (config.method.name, config.method.iterations) == ("pray", 1000)


@pytest.mark.usefixtures("closet")
@pytest.mark.parametrize(
    ("overrides", "said"),
    [
        (["env=cellar"], r"env=cellar needs lamp-that-nobody-sells: pip install 'closet\[light\]'"),
        (
            ["env=closet", "env.doors=0"],
            "env.doors=0 is not possible: it must be",
        ),
        (
            ["+env.doors=0", "env.target=closet:CLOSET"],
            "not go with env=alfworld.*: say env=outside",
        ),
        (["env=outside"], "or env.target=package.module:NAME"),
        (["env=outside", "env.target=closet.conf"], "is a module: name a tratree.envs.plugin"),
        (["env=outside", "env.target=closet:SHELF"], "cannot be imported .*SHELF"),
        (["env=outside", "env.target=closet:Settings"], "name a tratree.envs.plugin.Environment"),
        (["env=outside", "env.target=closet:PRAY"], "name a tratree.envs.plugin.Environment"),
        (["env.name=broken"], "closet.nowhere:CLOSET cannot be imported"),
        (["env.name=wild"], "closet.wild:CLOSET cannot be imported .ZeroDivisionError: no no"),
        (["method=mcts", "method.name=eto"], "does not go with method=mcts.*: say method=eto"),
        (["env.name=webshop"], "does not go with env=alfworld.*: say env=webshop"),
        (["method.name=magic"], "method=magic is not known: use one of .*pray"),
        (
            ["env=outside", "env.target=closet:CLOSET", "env.walls=4"],
            r"env.walls=4 is for what env.target=closet:CLOSET names: say \+env.walls=4",
        ),
    ],
)
def test_what_is_wrong_is_one_line(overrides: list[str], said: str) -> None:
    with pytest.raises(UserError, match=said) as caught:
        compose_config([OUR_SPLITS, *overrides] if "env" in overrides[0] else overrides)
    assert "\n" not in str(caught.value)


@pytest.mark.usefixtures("closet")
def test_one_that_is_installed_without_a_file_is_used_by_its_name() -> None:
    with pytest.raises(HydraException) as caught:
        compose_config(["env=alfworld2"])
    said = describe_composition_error(caught.value)
    assert said.endswith("say env=outside env.name=alfworld2")


@pytest.mark.usefixtures("closet")
@pytest.mark.parametrize("chosen", [["env=alfworld"], ["env=outside", "env.target=closet:CLOSET"]])
def test_a_setting_of_another_environment_is_not_called_unknown(chosen: list[str]) -> None:
    with pytest.raises(HydraException) as caught:
        compose_config([*chosen, OUR_SPLITS, "env.doors=4"])
    said = describe_composition_error(caught.value)
    assert said.startswith("env.doors is a setting of another env: choose that one, or say +env")


@pytest.mark.usefixtures("closet")
def test_environments_that_wait_may_have_threads() -> None:
    with pytest.raises(UserError, match="closet does not, set it to 0"):
        compose_config(["env=closet", OUR_SPLITS, "rollout.env_threads=2"])


def test_one_name_of_two_packages_is_refused(closet: Path) -> None:
    other = closet / "attic-1.0.dist-info"
    other.mkdir()
    (other / "METADATA").write_text("Metadata-Version: 2.1\nName: attic\nVersion: 1.0\n")
    (other / "entry_points.txt").write_text("[tratree.methods]\npray = attic:PRAY\n")
    with pytest.raises(UserError, match=r"several packages \(attic:PRAY, closet:PRAY\)"):
        METHODS.find("pray")


def test_ours_come_through_the_same_door() -> None:
    for name in ("alfworld", "scienceworld", "webshop"):
        assert ENVIRONMENTS.find(name).name == name
        assert ENVIRONMENTS.origin(name).startswith("tratree ")
    for name in ("mcts", "tree_dpo", "step_dpo", "best_of_n"):
        assert METHODS.find(name).name == name


def test_a_folder_of_files_for_every_command(tmp_path: Path) -> None:
    mine = tmp_path / "mine" / "env"
    mine.mkdir(parents=True)
    (mine / "tiny_shop.yaml").write_text(
        "# @package _global_\ndefaults: [/env/webshop, _self_]\nenv: {products: 600}\n"
    )
    with pytest.raises(HydraException):
        compose_config(["env=tiny_shop"])
    config = compose_config(["env=tiny_shop"], tmp_path / "mine")
    assert (config.env.name, config.env.products) == ("webshop", 600)

    def tratree(*arguments: str) -> subprocess.CompletedProcess[str]:
        code = "from tratree.cli import main; main()"
        command = [sys.executable, "-c", code, *arguments]
        environment = {**os.environ, "TRATREE_STORE": str(tmp_path / "store")}
        return subprocess.run(
            command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
        )

    done = tratree("tasks", "env=tiny_shop", "--config-dir", "mine")
    assert done.returncode == 0, done.stderr
    assert "webshop" in done.stdout
    assert "7500" not in done.stdout  # the tasks of the default's 1000 products
    done = tratree("plugins", "--config-dir=nowhere")
    assert done.stderr == "error: --config-dir nowhere is no folder: correct the path\n"


def test_the_folder_of_a_sweep_is_remembered(tmp_path: Path) -> None:
    plan = tmp_path / "multirun.yaml"

    def write(sources: str) -> None:
        plan.write_text(
            "hydra:\n  sweeper: {_target_: a.BasicSweeper}\n  overrides: {task: []}\n"
            f"  runtime: {{cwd: /, config_sources: [{sources}]}}\n"
        )

    ours = "{path: hydra.conf, schema: pkg, provider: hydra}"
    write(ours)
    assert planned.config_dir_of(plan) is None
    write(f"{ours}, {{path: /mine, schema: file, provider: command-line}}")
    assert planned.config_dir_of(plan) == Path("/mine")
