"""The tiny family: what its weights and its tokenizer promise."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest
import torch
from torch.nn.functional import cross_entropy
from transformers import AutoModelForCausalLM, AutoTokenizer, PreTrainedTokenizerBase

import tratree
from tratree.cli.compose import compose_config
from tratree.envs.alfworld.compact_games import CompactGames
from tratree.envs.alfworld.environment import AlfworldEnv
from tratree.envs.alfworld.games import GameFolder
from tratree.envs.alfworld.generator import generate_games
from tratree.envs.base import TextEnv, play_expert
from tratree.envs.registry import make_env, prepare_data
from tratree.external_data import external_data
from tratree.policy.chat import ChatFormat
from tratree.policy.encoding import encode_trajectory
from tratree.trajectory.turns import parse_turn

TINY = Path(tratree.__file__).parent / "models" / "tiny"
MODELS = ("weak", "strong")
RECIPE = Path(__file__).resolve().parents[2] / "experiments" / "tiny_base"


@pytest.fixture(scope="module")
def tokenizer() -> PreTrainedTokenizerBase:
    return AutoTokenizer.from_pretrained(TINY / "weak")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("games")
    generate_games(root, "development", 12, difficulty="small", seed=0)
    generate_games(root, "train", 6, difficulty="full", seed=0)
    return root


def _texts_of_random_play(env: TextEnv, split: str, games: int, steps: int = 25) -> list[str]:
    """Return what is shown while an episode goes on; nobody reads on at its end."""
    rng = np.random.default_rng(0)
    texts = []
    tasks = env.tasks(split)
    for task in tasks[:: len(tasks) // games][:games]:
        texts += [task.instruction, env.reset(task).observation]
        for _ in range(steps):
            actions = env.admissible()
            texts += actions
            result = env.step(actions[rng.integers(len(actions))])
            if result.finished:
                break
            texts.append(result.observation)
    return texts


def _open(folder: Path, *overrides: str) -> TextEnv:
    settings = asdict(compose_config(overrides).env)
    folder.mkdir()
    prepare_data(settings, folder, lambda done, total: None)
    return make_env(settings, folder, folder)


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> TextEnv:
    return _open(tmp_path_factory.mktemp("shop") / "data", "env=webshop")


@pytest.fixture(scope="module")
def laboratory(tmp_path_factory: pytest.TempPathFactory) -> TextEnv:
    """The tasks of the default run in three variations of each split."""
    folder = tmp_path_factory.mktemp("laboratory") / "data"
    return _open(folder, "env=scienceworld", "env.variations=3")


@pytest.mark.parametrize("wording", ["move", "put"])
def test_tokenizer_covers_full_size_games(
    tokenizer: PreTrainedTokenizerBase, folder: Path, tmp_path: Path, wording: str
) -> None:
    env = AlfworldEnv(GameFolder(folder), 40, tmp_path, wording)
    for text in _texts_of_random_play(env, "train", 6):
        assert tokenizer.unk_token_id not in tokenizer.encode(text), text
        decoded = tokenizer.decode(tokenizer.encode(text))
        assert "".join(decoded.split()) == "".join(text.split())
    env.close()


def test_tokenizer_covers_official_games(
    tokenizer: PreTrainedTokenizerBase, tmp_path: Path
) -> None:
    data = external_data("alfworld")
    if data is None:
        pytest.skip("the official ALFWorld games are not on this machine (TRATREE_DATA)")
    env = AlfworldEnv(CompactGames(data), 40, tmp_path)
    texts = [task.instruction for split in ("train", "valid_seen") for task in env.tasks(split)]
    texts += _texts_of_random_play(env, "valid_seen", 6)
    for text in texts:
        assert tokenizer.unk_token_id not in tokenizer.encode(text), text
    env.close()


def test_decoding_gives_the_exact_command(
    tokenizer: PreTrainedTokenizerBase, folder: Path, tmp_path: Path
) -> None:
    env = AlfworldEnv(GameFolder(folder), 40, tmp_path)
    for task in env.tasks("train")[:3]:
        env.reset(task)
        for action in env.admissible():
            assert tokenizer.decode(tokenizer.encode(action)) == action
    env.close()


@pytest.mark.parametrize("split", ["train", "dev", "test"])
def test_tokenizer_covers_the_generated_shop(
    tokenizer: PreTrainedTokenizerBase, shop: TextEnv, split: str
) -> None:
    for text in _texts_of_random_play(shop, split, 40):
        assert tokenizer.unk_token_id not in tokenizer.encode(text), text


@pytest.mark.slow
@pytest.mark.parametrize("split", ["train", "dev", "test"])
def test_tokenizer_covers_the_default_tasks_of_scienceworld(
    tokenizer: PreTrainedTokenizerBase, laboratory: TextEnv, split: str
) -> None:
    """The simulator has rare words for odd actions; all but few texts must be covered whole."""
    texts = _texts_of_random_play(laboratory, split, 7, steps=5)
    unknown = {text for text in texts if tokenizer.unk_token_id in tokenizer.encode(text)}
    assert len(unknown) <= 0.01 * len(texts), unknown


def test_decoding_gives_the_exact_action_of_a_buyer(
    tokenizer: PreTrainedTokenizerBase, shop: TextEnv
) -> None:
    chat = ChatFormat(tokenizer, "tiny")
    for task in shop.tasks("dev")[:40]:
        for step in play_expert(shop, task).steps:
            turn = chat.decode(chat.agent_turn(step.thought, step.action))
            assert parse_turn(turn) == (step.thought, step.action)


@pytest.mark.slow
def test_decoding_gives_the_exact_action_of_a_gold_path(
    tokenizer: PreTrainedTokenizerBase, laboratory: TextEnv
) -> None:
    chat = ChatFormat(tokenizer, "tiny")
    for split in ("train", "dev", "test"):
        for task in laboratory.tasks(split):
            for step in play_expert(laboratory, task).steps:
                turn = chat.decode(chat.agent_turn(step.thought, step.action))
                assert parse_turn(turn) == (step.thought, step.action)


def test_the_recipe_builds_the_shipped_tokenizer(tmp_path: Path) -> None:
    command = [sys.executable, str(RECIPE / "build_tokenizer.py"), "--output", str(tmp_path)]
    subprocess.run(command, check=True, capture_output=True)
    for name in MODELS:
        shipped = (TINY / name / "tokenizer.json").read_bytes()
        assert (tmp_path / "tokenizer.json").read_bytes() == shipped


def test_models_share_tokenizer_and_template(tokenizer: PreTrainedTokenizerBase) -> None:
    strong = AutoTokenizer.from_pretrained(TINY / "strong")
    assert strong.get_vocab() == tokenizer.get_vocab()
    text = "Thought: find mug\nAction: go to cabinet 1 <end>"
    assert strong.encode(text) == tokenizer.encode(text)
    conversation = [{"role": "user", "content": "look"}, {"role": "assistant", "content": "look"}]
    chat = ChatFormat(tokenizer, "tiny")
    rendered = tokenizer.apply_chat_template(conversation, return_dict=False)
    assert rendered == chat.first_turn("look") + tokenizer.encode("look <end>")


def test_family_is_small_and_ordered() -> None:
    files = [path for path in TINY.rglob("*") if path.is_file()]
    assert sum(path.stat().st_size for path in files) <= 8e6
    weak, strong = (AutoModelForCausalLM.from_pretrained(TINY / name) for name in MODELS)
    assert 4 * weak.num_parameters() < strong.num_parameters()
    assert weak.config.max_position_embeddings == strong.config.max_position_embeddings == 1024


@pytest.mark.parametrize("name", MODELS)
def test_pretrained_model_predicts_an_experts_turns(
    tokenizer: PreTrainedTokenizerBase, folder: Path, tmp_path: Path, name: str
) -> None:
    model = AutoModelForCausalLM.from_pretrained(TINY / name, dtype=torch.float32)
    chat = ChatFormat(tokenizer, "tiny")
    env = AlfworldEnv(GameFolder(folder), 30, tmp_path)
    losses = []
    for task in env.tasks("development"):
        episode = encode_trajectory(chat, play_expert(env, task))
        tokens = torch.tensor([episode.token_ids])
        labels = tokens[0].masked_fill(~torch.tensor(episode.agent_mask), -100)
        with torch.inference_mode():
            logits = model(tokens).logits[0]
        losses.append(cross_entropy(logits[:-1], labels[1:], ignore_index=-100).item())
    env.close()
    assert np.mean(losses) < 1.0  # nats a token; uniform guessing has ln 936 = 6.8
