"""Uploads to a stand-in of the Hub: what arrives there, and what is said where it is refused."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from huggingface_hub import DatasetCard, ModelCard
from peft import AutoPeftModelForCausalLM

from tests.runs.hub_server import TOKEN, Hub, open_hub
from tests.runs.stored_run import TINY, trained_stage, write_run
from tests.tree.view_examples import small_trees
from tratree.cli.export import main as export_command
from tratree.errors import UserError
from tratree.models.names import local_folder
from tratree.runs.export import ForOthers, export
from tratree.runs.run_trees import RunTrees
from tratree.runs.tree_dataset import write_dataset
from tratree.stages.training import load_policy
from tratree.tree.forest import Forest
from tratree.tree.mcts import search_paths

TOKENS = torch.arange(20)[None]
PUSH = (
    "import sys; from pathlib import Path; from tratree.runs.hub import check_push, push\n"
    "from tratree.errors import UserError\n"
    "try:\n"
    "    check_push(sys.argv[2])\n"
    "    print(push(Path(sys.argv[1]), sys.argv[2], 'dataset', private=True, message='a test'))\n"
    "except UserError as error:\n"
    "    sys.exit(f'error: {error}')\n"
)


@pytest.fixture
def hub() -> Iterator[Hub]:
    with open_hub() as hub:
        yield hub


@pytest.fixture
def run(tmp_path: Path) -> Path:
    return write_run(tmp_path, "sft_weak")


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("dataset")
    write_dataset(RunTrees(small_trees(), {"xi_sim": 0.9}, {}), folder, "me/trees", "mit")
    return folder


def uploaded(
    hub: Hub, folder: Path, repo: str, home: Path, token: str = TOKEN
) -> subprocess.CompletedProcess[str]:
    """Upload a folder in a process of its own, as a command does."""
    return subprocess.run(
        [sys.executable, "-c", PUSH, str(folder), repo],
        env={"PATH": "", **hub.environment(home, token)},
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
    )


def test_trees_arrive_whole(hub: Hub, dataset: Path, tmp_path: Path) -> None:
    done = uploaded(hub, dataset, "me/trees", tmp_path / "home")
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == f"{hub.address}/datasets/me/trees"
    sent = {str(p.relative_to(dataset)): p.read_bytes() for p in dataset.rglob("*") if p.is_file()}
    assert hub.files == {"datasets/me/trees": sent}
    assert set(sent) == {
        *("README.md", "trees.html", "trees.npz"),
        *("data/nodes.parquet", "data/trajectories.parquet"),
    }
    assert hub.private == {"datasets/me/trees": True}
    again = uploaded(hub, dataset, "me/trees", tmp_path / "home")  # the repository is there now
    assert again.returncode == 0, again.stderr
    for path in (*tmp_path.rglob("*"), *dataset.rglob("*")):
        assert not path.is_file() or TOKEN.encode() not in path.read_bytes(), path


@pytest.mark.parametrize(
    ("repo", "token", "said"),
    [
        ("them/trees", TOKEN, "your token may not write to them"),
        ("me/trees", "hf_wrong", "the token is not valid: run `hf auth login` again"),
        ("me/two..dots", TOKEN, "is no name on the Hub"),
        ("trees", TOKEN, "use ORG/NAME"),
        ("me/trees", "", "run `hf auth login`, or set HF_TOKEN"),
    ],
)
def test_refusals_are_one_line_without_the_token(
    hub: Hub, dataset: Path, tmp_path: Path, repo: str, token: str, said: str
) -> None:
    done = uploaded(hub, dataset, repo, tmp_path / "home", token)
    assert done.returncode == 1
    assert said in done.stderr.splitlines()[-1]
    assert TOKEN not in done.stdout + done.stderr
    assert hub.files == {}


def test_a_hub_that_does_not_answer_is_one_line(dataset: Path, tmp_path: Path) -> None:
    with open_hub() as gone:
        pass
    done = uploaded(gone, dataset, "me/trees", tmp_path / "home")
    assert done.returncode == 1
    assert "check the connection, HF_ENDPOINT and HF_HUB_OFFLINE" in done.stderr.splitlines()[-1]


def test_the_rows_are_those_of_the_trees(dataset: Path) -> None:
    datasets = pytest.importorskip("datasets")
    trees = small_trees()
    assert DatasetCard.load(dataset / "README.md").data["license"] == "mit"
    nodes = datasets.load_dataset(str(dataset), "nodes", split="train")
    assert len(nodes) == sum(len(tree.parent) for tree in trees)
    [root] = [row for row in nodes if row["task_id"] == "pick-0" and row["node"] == 0]
    assert (root["parent"], root["visits"], root["mean_score"]) == (None, 3, 0.5)
    for tree, path in zip(trees, search_paths(trees), strict=True):
        on_path = [r for r in nodes if r["task_id"] == tree.task.task_id and r["on_mcts_path"]]
        assert [row["node"] for row in on_path] == list(path.nodes)
    attempts = datasets.load_dataset(str(dataset), "trajectories", split="train")
    of_node = {(row["task_id"], row["node"]): row for row in nodes}
    for attempt in attempts:
        for step in attempt["steps"]:
            assert of_node[attempt["task_id"], step["node"]]["action"] == step["action"]
    assert len(Forest.load(dataset).trees) == 3


@pytest.mark.slow
def test_export_pushes_a_model_with_its_card(hub: Hub, run: Path, tmp_path: Path) -> None:
    estimate = {"mean": 0.5, "low": 0.4, "high": 0.6}
    figures = {"episodes": 9, **dict.fromkeys(("reward", "success", "finished"), estimate)}
    results = run / "results.json"
    systems = f', "systems": {{"sft_weak": {{"unseen": {figures}}}}}}}'.replace("'", '"')
    results.write_text(results.read_text("utf-8").rstrip().removesuffix("}") + systems, "utf-8")
    done = subprocess.run(
        [
            *(sys.executable, "-c", "from tratree.cli import main; main()", "export", str(run)),
            *("--out", str(tmp_path / "out")),
            *("--merged", "--push", "me/model", "--dataset", "me/trees"),
        ],
        env={**os.environ, **hub.environment(tmp_path / "home")},
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert f"pushed to {hub.address}/me/model" in done.stdout
    files = hub.files["models/me/model"]
    assert {"model.safetensors", "config.json", "tokenizer.json", "README.md"} <= set(files)
    card = ModelCard(files["README.md"].decode())
    assert (card.data.license, card.data.datasets) == ("apache-2.0", ["me/trees"])
    assert [(r.metric_type, r.metric_value) for r in card.data.eval_results] == [
        ("mean_reward", 50.0),
        ("success_rate", 50.0),
    ]
    assert 'from_pretrained("me/model")' in card.text
    assert TOKEN not in done.stdout + done.stderr


def test_an_adapter_of_a_base_that_nobody_has_is_not_pushed(run: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"not on the Hub, so nobody .*--merged, or .*--base"):
        export(run, tmp_path / "out", told=ForOthers("me/adapter"))
    assert not (tmp_path / "out").exists()
    export(run, tmp_path / "out", told=ForOthers("me/adapter", base="me/base"))
    card = ModelCard.load(tmp_path / "out" / "README.md")
    assert card.data.base_model == "me/base"
    assert 'AutoPeftModelForCausalLM.from_pretrained("me/adapter")' in card.text


def test_an_exported_adapter_finds_its_base_by_itself(run: Path, tmp_path: Path) -> None:
    base = str(local_folder(TINY))
    export_command([str(run), "--base", base, "--out", str(tmp_path / "out")])
    model = AutoPeftModelForCausalLM.from_pretrained(tmp_path / "out").eval()
    expected = load_policy(trained_stage(run, "sft_weak"), "float32")[0]
    assert torch.allclose(model(TOKENS).logits, expected(TOKENS).logits, atol=1e-4)
