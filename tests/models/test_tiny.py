"""The tiny family: what its weights and its tokenizer promise."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from torch.nn.functional import cross_entropy
from transformers import AutoModelForCausalLM, AutoTokenizer, PreTrainedTokenizerBase

import tratree
from tratree.envs.alfworld.compact_games import CompactGames
from tratree.envs.alfworld.environment import AlfworldEnv
from tratree.envs.alfworld.games import GameFolder
from tratree.envs.alfworld.generator import generate_games
from tratree.envs.alfworld.settings import AlfworldSettings
from tratree.envs.base import play_expert
from tratree.external_data import external_data
from tratree.policy.chat import ChatFormat
from tratree.policy.encoding import encode_trajectory

TINY = Path(tratree.__file__).parent / "models" / "tiny"
MODELS = ("weak", "strong")


@pytest.fixture(scope="module")
def tokenizer() -> PreTrainedTokenizerBase:
    return AutoTokenizer.from_pretrained(TINY / "weak")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("games")
    generate_games(root, "development", 12, difficulty="small", seed=0)
    generate_games(root, "train", 6, difficulty="full", seed=0)
    return root


def _texts_of_random_play(env: AlfworldEnv, split: str, games: int) -> list[str]:
    rng = np.random.default_rng(0)
    texts = []
    for task in env.tasks(split)[:games]:
        texts += [task.instruction, env.reset(task).observation]
        for _ in range(25):
            actions = env.admissible()
            texts += actions
            texts.append(env.step(actions[rng.integers(len(actions))]).observation)
    return texts


@pytest.mark.parametrize("wording", ["move", "put"])
def test_tokenizer_covers_full_size_games(
    tokenizer: PreTrainedTokenizerBase, folder: Path, tmp_path: Path, wording: str
) -> None:
    env = AlfworldEnv(
        GameFolder(folder),
        AlfworldSettings(name="alfworld", max_steps=40, wording=wording),
        tmp_path,
    )
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
    env = AlfworldEnv(CompactGames(data), AlfworldSettings(name="alfworld", max_steps=40), tmp_path)
    texts = [task.instruction for split in ("train", "valid_seen") for task in env.tasks(split)]
    texts += _texts_of_random_play(env, "valid_seen", 6)
    for text in texts:
        assert tokenizer.unk_token_id not in tokenizer.encode(text), text
    env.close()


def test_decoding_gives_the_exact_command(
    tokenizer: PreTrainedTokenizerBase, folder: Path, tmp_path: Path
) -> None:
    env = AlfworldEnv(GameFolder(folder), AlfworldSettings(name="alfworld", max_steps=40), tmp_path)
    for task in env.tasks("train")[:3]:
        env.reset(task)
        for action in env.admissible():
            assert tokenizer.decode(tokenizer.encode(action)) == action
    env.close()


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
    env = AlfworldEnv(GameFolder(folder), AlfworldSettings(name="alfworld"), tmp_path)
    losses = []
    for task in env.tasks("development"):
        episode = encode_trajectory(chat, play_expert(env, task))
        tokens = torch.tensor([episode.token_ids])
        labels = tokens[0].masked_fill(~torch.tensor(episode.agent_mask), -100)
        with torch.inference_mode():
            logits = model(tokens).logits[0]
        losses.append(cross_entropy(logits[:-1], labels[1:], ignore_index=-100).item())
    env.close()
    assert np.mean(losses) < 1.0  # nats a token; uniform guessing has ln 294 = 5.7
