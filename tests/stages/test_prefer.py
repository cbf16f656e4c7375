"""TreeDPO from end to end when there is nothing to prefer, and models that do not fit."""

from __future__ import annotations

import io
import json
import shutil
from pathlib import Path

import pytest
from rich.console import Console

from tratree.composition import compose_config
from tratree.config import Config
from tratree.errors import UserError
from tratree.models.names import local_folder
from tratree.policy.machine_settings import EngineSettings, WorkerSettings
from tratree.stages.methods import check_preferences, systems
from tratree.stages.sft import sft_stage
from tratree.store.progress import Progress
from tratree.store.stage import Resources
from tratree.store.store import Store


def copy_of_the_family(folder: Path) -> Path:
    source = local_folder("package:models/tiny/strong")
    assert source is not None
    return shutil.copytree(source, folder)


@pytest.fixture
def other_family(tmp_path: Path) -> Path:
    """Return a model whose tokenizer has two words exchanged."""
    folder = copy_of_the_family(tmp_path / "other")
    path = folder / "tokenizer.json"
    tokenizer = json.loads(path.read_text("utf-8"))
    words = tokenizer["model"]["vocab"]
    words["desk"], words["mug"] = words["mug"], words["desk"]
    path.write_text(json.dumps(tokenizer), "utf-8")
    return folder


def check(config: Config) -> None:
    check_preferences(config, systems(config).values())


def test_models_of_different_vocabularies_are_refused_before_anything_runs(
    other_family: Path,
) -> None:
    strong = f"model.strong.name={other_family}"
    with pytest.raises(UserError, match=r"tokenizers or chat templates of .* differ") as caught:
        check(compose_config(["method=tree_dpo", strong]))
    assert "\n" not in str(caught.value)
    check(compose_config(["method=mcts", strong]))


def test_models_of_different_templates_are_refused(tmp_path: Path) -> None:
    folder = copy_of_the_family(tmp_path / "other")
    path = folder / "chat_template.jinja"
    template = path.read_text("utf-8")
    path.write_text(
        template.replace("message['content'] + ' <end>'", "message['content'] + ' <user>'")
    )
    overrides = [
        "method=tree_dpo",
        f"model.strong.name={folder}",
        "model.strong.chat_template=null",
    ]
    with pytest.raises(UserError, match=r"tokenizers or chat templates of .* differ"):
        check(compose_config(overrides))
    path.write_text(template)
    check(compose_config(overrides))


@pytest.mark.parametrize(
    "overrides", [["method=tree_dpo"], ["method=success_only", "method.whole_trees=true"]]
)
def test_an_attention_that_takes_no_mask_is_refused_before_anything_runs(
    overrides: list[str],
) -> None:
    config = compose_config(["model.attention=flash_attention_2", *overrides])
    with pytest.raises(UserError, match=r"takes no mask.*: use model\.attention=sdpa, or method"):
        systems(config)


def test_a_copy_of_the_family_is_accepted(tmp_path: Path) -> None:
    folder = copy_of_the_family(tmp_path / "copy")
    check(compose_config(["method=tree_dpo", f"model.strong.name={folder}"]))


@pytest.mark.slow
def test_without_an_informative_pair_strong_sft_stays_bit_for_bit(tmp_path: Path) -> None:
    config = compose_config(["debug=smoke", "method=tree_dpo", "method.minimum_gap=1"])
    said = io.StringIO()
    resources = Resources(WorkerSettings(), EngineSettings(8), tmp_path / "cache")
    store = Store(tmp_path, resources, Progress(Console(file=said, width=200)))
    preferred = store.ensure(systems(config)["tree_dpo"])
    started = store.ensure(sft_stage(config, "strong"))
    before, after = (
        {path.name: path.read_bytes() for path in (folder / "adapter").iterdir()}
        for folder in (started, preferred)
    )
    assert before.keys() == after.keys()
    assert before["adapter_model.safetensors"] == after["adapter_model.safetensors"]
    assert "0 pairs in 0 of 6 trees" in said.getvalue()
    assert "nothing to learn from: the weights stay bit for bit as they were" in said.getvalue()
