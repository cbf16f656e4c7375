"""Models on the panel: local ones, adapters and endpoints play by one protocol."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.panel.endpoint import Endpoint, serving
from tests.policy.vllm_stand_in import serving as stand_in
from tratree.composition import compose_config
from tratree.config import Config
from tratree.errors import UserError
from tratree.models.loading import load_base, load_tokenizer
from tratree.models.lora import add_lora, save_adapter
from tratree.models.settings import LoraSettings, ModelSettings
from tratree.panel.chat_endpoint import ChatEndpoint
from tratree.panel.endpoint_play import read_reply
from tratree.panel.play import Player, evaluate_on_panel
from tratree.panel.results import Results, read_results
from tratree.policy.sampling import SamplingSettings
from tratree.stages.environment import games_stage
from tratree.store.inventory import prune
from tratree.trajectory.jsonl import read_trajectories
from tratree.trajectory.turns import TURN_FORMS

STRONG = "package:models/tiny/strong"
SETTINGS = [
    "env.train_games=1",
    "env.held_out_games=2",
    "env.max_steps=8",
    "evaluation.episodes=2",
    "model.rollout_dtype=float64",
    "model.max_thought_tokens=null",
    "model.max_repeats=null",
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("panel")


@pytest.fixture(scope="module")
def config(folder: Path) -> Config:
    return compose_config([*SETTINGS, f"store={folder}/store"])


@pytest.fixture(scope="module")
def local(config: Config, folder: Path) -> tuple[Path, Results]:
    return evaluate_on_panel(Player(STRONG, "local"), config, folder / "out")


@pytest.fixture(scope="module")
def endpoint() -> Iterator[Endpoint]:
    with serving(STRONG) as endpoint:
        yield endpoint


def episodes(path: Path) -> list[tuple]:
    played = read_trajectories(path.with_name("alfworld.episodes.jsonl"))
    told = ((t, [(s.action, s.observation) for s in t.steps]) for t in played)
    return sorted((t.task.task_id, t.first_observation, steps) for t, steps in told)


def test_results_are_of_the_panels_tasks(local: tuple[Path, Results]) -> None:
    path, results = local
    assert read_results(path) == results
    assert len(results.outcomes) == 4
    assert {o.split for o in results.outcomes} == {"seen", "unseen"} == results.hashes.keys()
    assert results.protocol["environment"] == {"show_admissible": False, "forgiving": False}
    assert results.protocol["rollout"]["max_steps"] == 8


def test_an_endpoint_plays_as_the_same_model_here(
    local: tuple[Path, Results],
    endpoint: Endpoint,
    config: Config,
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "a key")
    path, results = evaluate_on_panel(Player(endpoint.url), config, folder / "out")
    assert results.name == "tiny"
    assert results.hashes == local[1].hashes
    assert results.outcomes == local[1].outcomes
    assert episodes(path) == episodes(local[0])
    assert set(endpoint.keys) == {"Bearer a key"}
    assert "a key" not in path.read_text()
    asked = len(endpoint.requests)
    log = path.with_name("alfworld.episodes.jsonl")
    log.write_text("".join(log.read_text().splitlines(keepends=True)[:3]))
    assert evaluate_on_panel(Player(endpoint.url), config, folder / "out")[1] == results
    assert len(endpoint.requests) < 1.6 * asked  # one episode of four was played again


def test_an_adapter_that_changes_nothing_plays_as_its_base(
    local: tuple[Path, Results], config: Config, folder: Path
) -> None:
    lora = LoraSettings(rank=2, alpha=4, dropout=0.0, target_modules="all-linear")
    save_adapter(add_lora(load_base(ModelSettings(STRONG, "float64")), lora, 0), folder / "lora")
    load_tokenizer(STRONG).save_pretrained(folder / "lora")  # as an export has it
    named = json.loads((folder / "lora" / "adapter_config.json").read_text())
    assert named["base_model_name_or_path"] == STRONG
    path, results = evaluate_on_panel(Player(str(folder / "lora")), config, folder / "out")
    assert results.name == "lora"
    assert episodes(path) == episodes(local[0])


def test_an_adapter_of_the_hub_is_found_in_its_cache(tmp_path: Path) -> None:
    lora = LoraSettings(rank=2, alpha=4, dropout=0.0, target_modules="all-linear")
    stored = tmp_path / "models--some--lora"
    commit = "0" * 40
    save_adapter(
        add_lora(load_base(ModelSettings(STRONG, "float32")), lora, 0),
        stored / "snapshots" / commit,
    )
    (stored / "refs").mkdir()
    (stored / "refs" / "main").write_text(commit)
    code = (
        "from tratree.panel.local_model import load_named\n"
        "model, _ = load_named('some/lora', None, None, '', 'float32')\n"
        "print(model.config._name_or_path)"
    )
    settings = {**os.environ, "HF_HUB_CACHE": str(tmp_path), "HF_HUB_OFFLINE": "1"}
    done = subprocess.run(
        [sys.executable, "-c", code], env=settings, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip().endswith("models/tiny/strong")


def test_episodes_of_another_protocol_are_not_mixed(
    local: tuple[Path, Results], folder: Path
) -> None:
    settings = ("env.train_games=1", "env.held_out_games=2", "evaluation.episodes=2")
    other = compose_config([*settings, f"store={folder}/store"])
    with pytest.raises(UserError, match="played otherwise: choose another --name"):
        evaluate_on_panel(Player(STRONG, "local"), other, folder / "out")


def test_a_busy_endpoint_is_asked_again_and_others_are_one_line(endpoint: Endpoint) -> None:
    client = ChatEndpoint(endpoint.url, pause=0.01)
    messages = [{"role": "user", "content": "Your task is to: look."}]
    endpoint.refusals = [503, 429]
    assert isinstance(client.say(messages, SamplingSettings(0.0), 4, 0), str)
    endpoint.refusals = [401]
    with pytest.raises(UserError, match=r"\A[^\n]*status 401[^\n]*OPENAI_API_KEY[^\n]*\Z"):
        client.say(messages, SamplingSettings(0.0), 4, 0)
    endpoint.refusals = [503] * 5
    with pytest.raises(UserError, match="503"):
        client.say(messages, SamplingSettings(0.0), 4, 0)
    with pytest.raises(UserError, match=r"\A[^\n]*does not answer[^\n]*\Z"):
        ChatEndpoint("http://127.0.0.1:9/v1", pause=0.01)


@pytest.mark.parametrize(
    ("status", "content"),
    [
        (200, "secret"),
        (200, b"\xff secret"),
        (200, b"[" * 100_000),
        *((200, answer) for answer in ({}, [], None, 3)),
        (200, {"data": [{"root": "secret"}], "choices": [{"message": {"content": [5, "secret"]}}]}),
        (200, {"data": [{"id": ["secret"]}], "choices": [{"message": "secret"}]}),
        (200, {"data": [], "choices": []}),
        (200, {"data": [{"id": "se\ncret"}, {"id": "\x1b[1m"}], "choices": None}),
        (200, b'{"data": [{"id": "\\ud800"}], "choices": [{"message": {"content": "\\ud800"}}]}'),
        (302, {"secret": 1}),
        (401, "no such key: secret"),
    ],
)
@pytest.mark.parametrize("of", ["/v1/models", "/v1/chat/completions"])
def test_an_answer_of_another_program_is_one_line_and_not_repeated(
    of: str, status: int, content: Any
) -> None:
    def answer(method: str, path: str, request: Any) -> tuple[int, Any]:
        return (status, content) if path == of else (200, {"data": [{"id": "tiny"}]})

    with stand_in(answer) as url, pytest.raises(UserError) as caught:
        ChatEndpoint(f"{url}/v1", pause=0.01).say(
            [{"role": "user", "content": "go"}], SamplingSettings(0.0), 4, 0
        )
    assert len(str(caught.value).splitlines()) == 1
    assert "cret" not in str(caught.value)
    assert str(caught.value).isprintable()


def test_the_games_that_a_model_plays_are_not_removed(config: Config, folder: Path) -> None:
    removed: list[str] = []

    def answer(method: str, path: str, request: Any) -> tuple[int, Any]:
        if path == "/v1/models":
            return 200, {"data": [{"id": "tiny"}]}
        removed.extend(stage.place for stage in prune(Path(config.store), []))
        return 200, {"choices": [{"message": {"content": "Action: look"}}]}

    with stand_in(answer) as url:
        evaluate_on_panel(Player(f"{url}/v1", "pruned"), config, folder / "out")
    games = f"games/{games_stage(config).key}"
    assert games not in removed
    assert games in [stage.place for stage in prune(Path(config.store), [], remove=False)]


@pytest.mark.parametrize(
    "url",
    [
        "http://user:secret@127.0.0.1:9/v1",
        "http://127.0.0.1:9/v1?key=secret",
        "http://127.0.0.1:secret/v1",
        "http://",
    ],
)
def test_an_address_with_a_password_is_not_repeated(url: str, config: Config, folder: Path) -> None:
    with pytest.raises(UserError, match=r"\Athe address of the endpoint[^\n]*\Z") as caught:
        evaluate_on_panel(Player(url), config, folder / "refused")
    assert "secret" not in str(caught.value)
    assert not (folder / "refused").exists()


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("Thought: a\nAction: look", ("Thought: a\nAction: look", "a", "look")),
        (
            "Thought: a\nAction: look\nObservation: You see\nAction: go",
            ("Thought: a\nAction: look", "a", "look"),
        ),
        (
            "<think>Action: sit\n</think>\nAction: look\nObservation: b",
            ("<think>Action: sit\n</think>\nAction: look", "Action: sit", "look"),
        ),
        ('{"action": "look"}', ('{"action": "look"}', "", "look")),
        ("look", ("look", "look", "")),
        ("", ("", "", "")),
    ],
)
def test_what_is_invented_after_an_action_is_dropped(text: str, kept: tuple[str, ...]) -> None:
    assert read_reply(text, TURN_FORMS["react"]) == kept


def test_forms_of_turns_end_where_theirs_do() -> None:
    said = "<think>a</think><action>look</action>\nYou see"
    assert read_reply(said, TURN_FORMS["tags"])[0] == "<think>a</think><action>look</action>"


CALL = {"function": {"name": "act", "arguments": '{"action": "look"}'}}


@pytest.mark.parametrize(
    ("message", "said"),
    [
        ({"content": [{"type": "text", "text": "Action: look"}]}, "Action: look"),
        ({"content": None, "tool_calls": [CALL]}, "Action: look"),
        ({"content": "Action: a", "reasoning_content": "b"}, "<think>b</think>\nAction: a"),
        ({"content": None}, ""),
    ],
)
def test_messages_of_every_form_are_read(endpoint: Endpoint, message, said: str) -> None:
    client = ChatEndpoint(endpoint.url)
    endpoint.refusals = [(200, json.dumps({"choices": [{"message": message}]}))]
    assert client.say([], SamplingSettings(0.0), 4, 0) == said


@pytest.mark.parametrize(
    ("body", "message"),
    [
        *((body, "is not that of a chat model") for body in ("<html>", "[]", "{}")),
        ('{"error": {"message": "no such model"}}', "is not that of a chat model"),
        ('{"choices": []}', "is not that of a chat model"),
        ('{"choices": [{"message": null}]}', "is not that of a chat model"),
        ('{"choices": [{"message": {"content": 5}}]}', "without a message"),
    ],
)
def test_an_answer_without_a_message_is_one_line(
    endpoint: Endpoint, body: str, message: str
) -> None:
    client = ChatEndpoint(endpoint.url)
    endpoint.refusals = [(200, body)]
    with pytest.raises(UserError, match=rf"\A[^\n]*{message}[^\n]*\Z"):
        client.say([], SamplingSettings(0.0), 4, 0)


def test_an_endpoint_that_names_the_limit_otherwise(endpoint: Endpoint) -> None:
    client = ChatEndpoint(endpoint.url, pause=0.01)
    endpoint.refusals = [(400, "Use 'max_completion_tokens' instead.")]
    messages = [{"role": "user", "content": "Your task is to: look."}]
    for _ in range(2):
        client.say(messages, SamplingSettings(0.0), 4, 0)
        assert endpoint.requests[-1]["max_completion_tokens"] == 4
        assert "max_tokens" not in endpoint.requests[-1]


def test_an_episode_ends_where_the_endpoints_context_is_full(
    endpoint: Endpoint, config: Config, folder: Path
) -> None:
    reply = (200, '{"choices": [{"message": {"content": "Action: look"}}]}')
    full = (400, "This model's maximum context length is 9 tokens.")
    endpoint.refusals = [reply, full] * 4
    one = compose_config([*SETTINGS, f"store={folder}/store", "rollout.batch_size=1"])
    path, results = evaluate_on_panel(Player(endpoint.url, "short", None), one, folder / "out")
    told = read_trajectories(path.with_name("alfworld.episodes.jsonl"))
    assert [(len(t.steps), t.finished) for t in told] == [(1, False)] * 4
    assert not any(outcome.success for outcome in results.outcomes)


def test_the_prompt_is_told_to_every_player(
    endpoint: Endpoint, config: Config, folder: Path
) -> None:
    (folder / "rules.txt").write_text("Rules.")
    prompted = compose_config(
        [*SETTINGS, f"store={folder}/store", f"env.prompt.rules={folder}/rules.txt"]
    )
    path, here = evaluate_on_panel(Player(STRONG, "prompted"), prompted, folder / "out")
    other, there = evaluate_on_panel(Player(endpoint.url, "asked"), prompted, folder / "out")
    assert [m["content"] for m in endpoint.requests[-1]["messages"][:2]] == ["Rules.", "OK"]
    assert episodes(path) == episodes(other)
    assert here.protocol["prompt"] == there.protocol["prompt"] is not None
