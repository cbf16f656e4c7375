"""Every configuration that comes with the package composes and passes the checks."""

from __future__ import annotations

import pytest

from tratree.cli.compose import CONFIG_FOLDER, compose_config

GROUPS = ("env", "method", "model", "explore", "tree", "trainer", "evaluation", "logger")
NOT_CHOSEN = {"method/base", "model/paper"}


def options(*groups: str) -> list[str]:
    found = [
        f"{group}={path.stem}"
        for group in groups
        for path in sorted((CONFIG_FOLDER / group).glob("*.yaml"))
        if f"{group}/{path.stem}" not in NOT_CHOSEN
    ]
    assert len(found) >= len(groups)
    return found


@pytest.mark.parametrize("option", options(*GROUPS))
def test_every_option_composes(option: str) -> None:
    compose_config([option])


@pytest.mark.parametrize("option", options("experiment", "debug"))
def test_every_experiment_and_debug_file_composes(option: str) -> None:
    compose_config([option])


def test_the_paper_experiment_has_the_paper_constants() -> None:
    config = compose_config(["experiment=paper"])
    assert config.model.weak.name == "meta-llama/Llama-2-7b-chat-hf"
    assert config.model.strong.name == "meta-llama/Llama-2-13b-chat-hf"
    assert (config.model.lora.rank, config.model.lora.alpha) == (64, 128)
    assert config.model.weak.sft.learning_rate == 1e-5
    assert config.model.preference.learning_rate == 2e-5
    assert config.method.beta == 0.1
    assert config.method.exploration == 1.41
    assert config.tree.xi_sim == 0.9
    assert config.env.games == "official"
