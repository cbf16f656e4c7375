"""The prompt in stages: their keys hold its content, and every one of them gives it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.policy.prompts import EXAMPLE, RULES, write_prompt
from tests.run_commands import start
from tests.stages.test_methods import keys
from tratree.cli.export import main as export
from tratree.composition import compose_config
from tratree.errors import UserError
from tratree.policy.prompt import Prompt
from tratree.stages.demonstrations import DEMONSTRATIONS, demonstrations_stage
from tratree.stages.file_names import EPISODES
from tratree.stages.methods import evaluations
from tratree.stages.reference import pair_chat
from tratree.stages.training import load_chat
from tratree.store.stage import Stage, with_inputs
from tratree.trajectory.jsonl import read_trajectories

DPO = ("method=tree_dpo",)


def stages(*overrides: str) -> dict[str, Stage]:
    every = with_inputs(evaluations(compose_config(overrides)).values())
    return {stage.title: stage for stage in every}


def test_keys_hold_the_content_and_not_the_place(tmp_path: Path) -> None:
    prompt, same, other = (
        write_prompt(tmp_path / name, rules)
        for name, rules in (("one", RULES), ("two", RULES), ("three", f"{RULES}\nBe quick."))
    )
    plain, with_prompt = keys(*DPO), keys(*DPO, *prompt)
    assert {name for name in plain if plain[name] == with_prompt[name]} == {
        "games",
        "demonstrations",
    }
    assert keys(*DPO, *same) == with_prompt
    changed = keys(*DPO, *other)
    assert all(changed[n] != with_prompt[n] for n in plain if n not in ("games", "demonstrations"))
    assert keys(*DPO, "env.prompt.count=7", "method.example_in_pairs=false") == plain


def test_what_a_stage_stores_is_enough_to_load_the_prompt(tmp_path: Path) -> None:
    stage = stages(*write_prompt(tmp_path))["sft weak"]
    stored = json.loads(json.dumps(stage.description()))["settings"]
    (tmp_path / "inst.txt").unlink()
    prompt = load_chat(stored).prompt
    assert prompt == Prompt(RULES, EXAMPLE, "", "Observation: ")


def test_pairs_keep_the_example_or_not(tmp_path: Path) -> None:
    prompt = write_prompt(tmp_path)
    kept, left_out = (
        stages(*DPO, *prompt, f"method.example_in_pairs={flag}") for flag in ("true", "false")
    )
    assert {name for name in kept if kept[name].key != left_out[name].key} == {
        *("reference", "prefer", "evaluate tree_dpo")
    }
    for name in ("reference", "prefer"):
        assert "example" not in kept[name].settings
        assert left_out[name].settings["example"] is False
    for found, example in ((kept, EXAMPLE), (left_out, ())):
        settings = found["prefer"].settings
        chat = load_chat(settings)
        assert chat.prompt.example == EXAMPLE  # what the trained model is played with
        pairs = pair_chat(chat, settings).prompt
        assert (pairs.rules, pairs.example, pairs.label) == (RULES, example, "Observation: ")


@pytest.mark.parametrize("env", ["alfworld", "scienceworld", "webshop"])
@pytest.mark.parametrize("setting", ["paper", "paper_code"])
def test_the_papers_settings_need_the_files_and_say_where_they_are(
    setting: str, env: str, tmp_path: Path
) -> None:
    overrides = [f"setting={setting}", f"env={env}"]
    name = {"scienceworld": "sciworld"}.get(env, env)
    with pytest.raises(
        UserError,
        match=rf"needs env\.prompt\.rules and env\.prompt\.examples: set .*{name}_inst\.txt "
        rf".*{name}_icl\.json.*github\.com/Yifan-Song793/ETO",
    ) as caught:
        compose_config(overrides)
    assert "\n" not in str(caught.value)
    rules, examples = write_prompt(tmp_path)
    with pytest.raises(UserError, match=r"needs env\.prompt\.examples: set"):
        compose_config([*overrides, rules])
    config = compose_config([*overrides, rules, examples])
    assert not config.method.example_in_pairs
    compose_config([*overrides, "env.prompt.required=false"])


def test_a_count_below_zero_is_refused() -> None:
    with pytest.raises(UserError, match=r"env\.prompt\.count=-1 is not possible"):
        compose_config(["env.prompt.count=-1"])


def test_the_reference_can_be_the_start() -> None:
    plain, own = stages(*DPO), stages(*DPO, "method.reference=start")
    assert own["reference"].inputs["model"].key == plain["sft strong"].key
    assert own["prefer"].inputs["start"].key == plain["sft strong"].key
    assert plain["reference"].inputs["model"].key == plain["sft weak"].key
    with pytest.raises(UserError, match=r"set method\.start=sft, or method\.reference=weak"):
        compose_config([*DPO, "method.reference=start", "method.start=base"])


def test_preferences_can_start_after_imitation() -> None:
    chained = stages(*DPO, "method.start=mcts", "method.reference=start")
    imitated = stages("method=mcts", *DPO[1:])["imitate"].key
    assert chained["prefer"].inputs["start"].key == imitated
    assert chained["reference"].inputs["model"].key == imitated
    with pytest.raises(UserError, match=r"method=advantage imitates: set method\.start=sft"):
        compose_config(["method=advantage", "method.start=mcts"])


@pytest.fixture(scope="module")
def run_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of a small run of TreeDPO with a prompt."""
    folder = tmp_path_factory.mktemp("prompted")
    few = ("explore.tasks=2", "explore.trajectories=3", "evaluation.episodes=2")
    prompt = write_prompt(folder)
    process = start(
        folder / "run", "debug=smoke", *DPO, *few, *prompt, "explore.untouched=[{temperature: 0.0}]"
    )
    process.join()
    assert process.exitcode == 0
    return folder / "run"


@pytest.mark.slow
def test_a_run_with_a_prompt_says_so_and_so_does_its_export(
    run_folder: Path, tmp_path: Path
) -> None:
    said = f"rules of {len(RULES)} characters and 4 turns of worked examples (SHA-256 "
    assert f"began with a prompt: {said}" in (run_folder / "results.md").read_text("utf-8")
    export([str(run_folder), "--out", str(tmp_path / "model")])
    card = (tmp_path / "model" / "README.md").read_text("utf-8")
    assert f"Every conversation begins with the messages of `prompt.json`, {said}" in card
    assert 'Every later observation begins with "Observation: "' in card
    assert "chat.prompt SHA-256 " in card
    assert RULES.splitlines()[0] not in card
    messages = json.loads((tmp_path / "model" / "prompt.json").read_text("utf-8"))
    texts = [message["content"] for message in messages]
    assert texts == [RULES, "OK", *EXAMPLE]


@pytest.mark.slow
def test_the_episodes_of_a_run_with_a_prompt_hold_the_task_alone(run_folder: Path) -> None:
    store = run_folder.parent / f"store-{run_folder.name}"
    (episodes,) = store.glob(f"explore/*/{EPISODES}")
    played = read_trajectories(episodes)
    assert sorted({t.sample for t in played}) == [0, 1, 2]
    assert all("Your task is to" in t.first_observation for t in played)
    assert not any(EXAMPLE[0] in t.first_observation or RULES in str(t) for t in played)
    greedy, untouched = ([t for t in played if t.sample == sample] for sample in (1, 2))
    assert [t.task for t in greedy] == [t.task for t in untouched]
    assert [t.steps for t in greedy] != [t.steps for t in untouched]  # both greedy, other weights


@pytest.mark.parametrize("name", ["agentgym", "eto"])
def test_imported_demonstrations_with_the_prompt_inside(
    tmp_path: Path, name: str, take_demonstrations: Callable[..., list]
) -> None:
    """Rules, OK and the worked example as turns, then a task of the environment."""
    plain = take_demonstrations(tmp_path / "plain", name, opening=[])
    opening = [RULES, "OK", *EXAMPLE]
    assert take_demonstrations(tmp_path / "prompted", name, opening=opening) == plain


@pytest.fixture
def take_demonstrations() -> Callable[..., list]:
    from tests.stages.test_demonstrations import SHOP, configuration, open_store
    from tratree.envs.base import play_expert
    from tratree.stages.environment import opened
    from tratree.trajectory.conversations import write_conversations

    def take(folder: Path, name: str, opening: list[str]) -> list:
        prompt = write_prompt(folder)
        config = configuration(folder.parent, *SHOP, *prompt)
        with opened(config) as env:
            played = [play_expert(env, task) for task in env.tasks("train")[:2]]
        write_conversations(folder / "published.json", played, name)
        records = json.loads((folder / "published.json").read_text())
        for record in records:
            del record["tratree"]
            messages = record["conversations"]
            role, texts = messages[2:], opening or [m["value"] for m in messages[:2]]
            said = [{**messages[place % 2], "value": text} for place, text in enumerate(texts)]
            record["conversations"] = said + role
        (folder / "published.json").write_text(json.dumps(records))
        file = f"expert.demonstrations={folder / 'published.json'}"
        store, _ = open_store(folder.parent)
        stage = demonstrations_stage(configuration(folder.parent, *SHOP, *prompt, file))
        return read_trajectories(store.ensure(stage) / DEMONSTRATIONS)

    return take
