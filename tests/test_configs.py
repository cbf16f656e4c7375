"""Every configuration that comes with the package composes and passes the checks."""

from __future__ import annotations

import pytest
from hydra import compose, initialize_config_dir
from hydra.types import RunMode
from omegaconf import OmegaConf

from tratree.composition import CONFIG_FOLDER, compose_config
from tratree.config_reading import register_defaults
from tratree.modules.settings import TrainingSettings
from tratree.preemption import PATIENCE_SECONDS
from tratree.stages.training_settings import training_settings

GROUPS = ("env", "method", "model", "explore", "tree", "trainer", "evaluation", "logger")
OVERRIDES = ("setting", "experiment", "debug", "hparams_search")
NO_PROMPT = "env.prompt.required=false"
NOT_CHOSEN = {"env/outside", "method/outside"}


def options(*groups: str) -> list[str]:
    found = [
        f"{group}={path.stem}"
        for group in groups
        for path in sorted((CONFIG_FOLDER / group).glob("*.yaml"))
        if f"{group}/{path.stem}" not in NOT_CHOSEN and not path.stem.startswith("_")
    ]
    assert len(found) >= len(groups)
    return found


def test_no_group_is_left_out_here() -> None:
    groups = {path.name for path in CONFIG_FOLDER.iterdir() if path.is_dir()}
    assert groups == {*GROUPS, *OVERRIDES, "hydra"}


@pytest.mark.parametrize("option", options(*GROUPS))
def test_every_option_composes(option: str) -> None:
    compose_config([option])


@pytest.mark.parametrize("option", options("hydra/launcher"))
def test_every_launcher_composes(option: str) -> None:
    register_defaults()
    with initialize_config_dir(str(CONFIG_FOLDER), version_base="1.3"):
        composed = compose("config", overrides=[option], return_hydra_config=True)
    launcher = composed.hydra.launcher
    assert launcher._target_.endswith("tratree_slurm_launcher.launcher.SlurmLauncher")
    assert launcher.wait
    assert launcher.max_num_timeout > 0
    assert launcher.signal_delay_s > PATIENCE_SECONDS


@pytest.mark.parametrize(
    ("launcher", "trainer", "nodes", "gpus"),
    [
        ("slurm", ["trainer=cpu"], 1, None),
        ("slurm_gpu", ["trainer=gpu"], 1, 1),
        ("slurm_node", ["trainer=ddp", "trainer.devices=8"], 1, 8),
        ("slurm_nodes", ["trainer=fsdp", "trainer.devices=8", "trainer.num_nodes=4"], 4, 8),
    ],
)
def test_every_site_profile_grants_what_the_trainer_uses(
    launcher: str, trainer: list[str], nodes: int, gpus: int | None
) -> None:
    register_defaults()
    overrides = [f"hydra/launcher={launcher}", *trainer]
    with initialize_config_dir(str(CONFIG_FOLDER), version_base="1.3"):
        composed = compose("config", overrides=overrides, return_hydra_config=True)
    profile = composed.hydra.launcher
    assert (profile.nodes, profile.tasks_per_node, profile.gpus_per_node) == (nodes, 1, gpus)
    assert composed.trainer.num_nodes == nodes
    assert composed.trainer.devices == (gpus or 1)
    assert profile.cpus_per_task >= composed.trainer.devices


SWEEPS = (
    *("beta_sweep", "width_sweep", "xi_sweep", "main_table", "ablation"),
    *("variants", "exploration", "gap", "default_run"),
)


@pytest.mark.parametrize("name", SWEEPS)
def test_every_point_of_a_sweep_file_composes(name: str) -> None:
    """Each value of each axis; the values of several axes do not depend on each other."""
    register_defaults()
    with initialize_config_dir(str(CONFIG_FOLDER), version_base="1.3"):
        chosen = [f"experiment={name}"]
        composed = compose("config", overrides=chosen, return_hydra_config=True)
    assert composed.hydra.mode is RunMode.MULTIRUN
    params = composed.hydra.sweeper.params
    assert params.seed == "0,1,2,3,4"
    axes = {key: values for key, values in params.items() if key != "seed"}
    for key, values in axes.items():
        for value in values.split(","):
            compose_config([*chosen, f"{key}={value}"])


def test_the_widest_tree_of_the_width_sweep_has_enough_trajectories() -> None:
    config = compose_config(["experiment=width_sweep", "tree.width=8"])
    assert config.explore.trajectories >= 8


@pytest.mark.parametrize("option", options(*OVERRIDES))
def test_every_file_of_overrides_composes(option: str) -> None:
    compose_config([option, NO_PROMPT])


@pytest.mark.parametrize("option", options("debug"))
@pytest.mark.parametrize(
    ("env", "size", "small"),
    [
        ("alfworld", "train_games", 14),
        ("scienceworld", "variations", 7),
        ("webshop", "products", 200),
    ],
)
def test_every_debug_file_is_small_in_every_environment(
    option: str, env: str, size: str, small: int
) -> None:
    config = compose_config([option, f"env={env}"])
    assert getattr(config.env, size) == small
    assert config.env.max_steps <= 12
    assert config.explore.tasks <= 6
    assert config.rollout.batch_size <= (4 if env == "scienceworld" else 8)


@pytest.mark.parametrize("option", options("hparams_search"))
@pytest.mark.parametrize("env", options("env"))
def test_every_search_looks_at_the_development_split_alone(option: str, env: str) -> None:
    register_defaults()
    with initialize_config_dir(str(CONFIG_FOLDER), version_base="1.3"):
        composed = compose("config", overrides=[option, env], return_hydra_config=True)
    assert composed.hydra.mode is RunMode.MULTIRUN
    assert composed.hydra.runtime.choices["hydra/sweeper"] == "tuning"
    assert composed.evaluation.splits == ["development"]
    assert composed.env.splits.development not in (composed.env.splits.train, "test")
    names = f"multirun/tuning-{composed.env.name}-{composed.method.name}"
    exploring = option == "hparams_search=exploration"
    assert composed.hydra.sweep.dir == (f"{names}-exploration" if exploring else names)
    for key in composed.hydra.sweeper.params:
        assert OmegaConf.select(composed, key, default="none") != "none"


def test_one_search_finds_trajectories_width_beta_and_lambda() -> None:
    register_defaults()
    with initialize_config_dir(str(CONFIG_FOLDER), version_base="1.3"):
        chosen = ["hparams_search=exploration"]
        composed = compose("config", overrides=chosen, return_hydra_config=True)
    values = {**composed.hydra.sweeper.params}
    assert values.pop("explore.rounds") == 2
    searched = {"explore.trajectories", "tree.width", "method.beta", "explore.kl_weight"}
    assert set(values) == searched
    compose_config([*chosen, "explore.rounds=2", "explore.kl_weight=0.3", "tree.width=3"])


def test_the_paper_experiment_has_the_paper_constants() -> None:
    config = compose_config(["setting=paper", NO_PROMPT])
    assert config.model.weak.name == "meta-llama/Llama-2-7b-chat-hf"
    assert config.model.strong.name == "meta-llama/Llama-2-13b-chat-hf"
    assert (config.model.lora.rank, config.model.lora.alpha) == (64, 128)
    assert config.model.weak.sft.learning_rate == 1e-5
    assert config.model.preference.learning_rate == 2e-5
    assert config.method.beta == 0.1
    assert config.method.ucb_constant == 1.41
    assert config.tree.xi_sim == 0.9
    assert config.env.games == "official"


@pytest.mark.parametrize("setting", ["paper", "paper_code"])
@pytest.mark.parametrize(
    ("env", "expected"),
    [
        ("alfworld", {"games": "official", "max_steps": 40}),
        ("scienceworld", {"protocol": "eto", "tasks": None, "variations": None, "max_steps": 120}),
        ("webshop", {"catalogue": "official", "products": None, "protocol": "eto"}),
    ],
)
def test_the_papers_setting_has_all_of_each_environment(
    setting: str, env: str, expected: dict[str, object]
) -> None:
    config = compose_config([f"setting={setting}", f"env={env}", NO_PROMPT])
    assert expected.items() <= vars(config.env).items()
    assert config.expert.tasks is config.explore.tasks is config.evaluation.episodes is None


@pytest.mark.parametrize(
    ("model", "weak", "strong"),
    [
        ("llama2", "Llama-2-7b-chat-hf", "Llama-2-13b-chat-hf"),
        ("llama3", "Llama-3.2-1B-Instruct", "Llama-3.1-8B-Instruct"),
        ("qwen2_5", "Qwen2.5-7B-Instruct", "Qwen2.5-14B-Instruct"),
        ("smollm2", "SmolLM2-135M-Instruct", "SmolLM2-360M-Instruct"),
    ],
)
def test_model_families(model: str, weak: str, strong: str) -> None:
    config = compose_config([f"model={model}"]).model
    assert config.weak.name.split("/")[1] == weak
    assert config.strong.name.split("/")[1] == strong
    assert config.weak.chat_template == config.strong.chat_template == config.chat_template
    assert config.lora.target_modules == "all-linear"


def test_model_keys_reach_the_models() -> None:
    overrides = [
        "model.lora.target_modules=[q_proj,v_proj]",
        "model.weak.chat_template=llama3",
        "model.quantization=4bit",
        "model.attention=eager",
        "model.gradient_checkpointing=true",
    ]
    config = compose_config(["model=qwen2_5", *overrides])
    assert config.model.weak.chat_template == "llama3"
    assert config.model.strong.chat_template == "chatml"
    settings = training_settings(config, config.model.strong, config.model.imitation)
    assert settings["lora"]["target_modules"] == ["q_proj", "v_proj"]
    assert settings["base"] == {
        "name": "Qwen/Qwen2.5-14B-Instruct",
        "dtype": "bfloat16",
        "attention": "eager",
        "gradient_checkpointing": True,
        "quantization": "4bit",
    }


@pytest.mark.parametrize(
    ("trainer", "accelerator", "devices", "strategy"),
    [
        ("cpu", "cpu", 1, "auto"),
        ("gpu", "gpu", 1, "auto"),
        ("ddp", "gpu", 2, "ddp"),
        ("fsdp", "gpu", 2, "fsdp"),
        ("ddp_sim", "cpu", 2, "ddp"),
    ],
)
@pytest.mark.parametrize("model", ["tiny", "llama2"])
def test_trainers_fit_the_models(
    model: str, trainer: str, accelerator: str, devices: int, strategy: str
) -> None:
    config = compose_config([f"model={model}", f"trainer={trainer}"])
    for optimization in (config.model.strong.sft, config.model.imitation, config.model.preference):
        settings = training_settings(config, config.model.strong, optimization)
        made = TrainingSettings(**settings["optimization"], **settings["hardware"])
        assert (made.accelerator, made.devices, made.strategy) == (accelerator, devices, strategy)


def test_each_environment_has_its_tiny_pair_and_other_families_have_none() -> None:
    names = {
        env: compose_config([f"env={env}"]).model.strong.name
        for env in ("alfworld", "scienceworld", "webshop")
    }
    assert names == {
        "alfworld": "package:models/tiny/strong",
        "scienceworld": "package:models/tiny/scienceworld/strong",
        "webshop": "package:models/tiny/webshop/strong",
    }
    other = compose_config(["env=webshop", "model=smollm2"]).model
    assert other.strong == compose_config(["model=smollm2"]).model.strong


@pytest.mark.parametrize("trainer", ["gpu", "ddp", "fsdp"])
def test_trainers_on_gpus_bring_rollouts_that_fit(trainer: str) -> None:
    rollout = compose_config([f"trainer={trainer}"]).rollout
    assert (rollout.workers, rollout.batch_size, rollout.cache_gib) == ("auto", 256, None)
    waiting = compose_config([f"trainer={trainer}", "env=scienceworld"]).rollout
    assert (waiting.workers, waiting.batch_size, waiting.env_threads) == ("auto", 32, 8)
    paper = compose_config([f"trainer={trainer}", "setting=paper", "env.prompt.required=false"])
    assert paper.rollout == rollout
    chosen = compose_config([f"trainer={trainer}", "rollout.workers=3"]).rollout
    assert chosen.workers == 3
    on_cpu = compose_config(["trainer=ddp_sim"]).rollout
    assert on_cpu == compose_config([]).rollout
