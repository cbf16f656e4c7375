"""Configuration is data: nothing in it is called, and it holds no password."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.commands import train
from tratree.composition import compose_config
from tratree.errors import UserError

CALLS = {
    "a callback": "hydra:\n  callbacks:\n    e:\n      _target_: numpy.load\n      file: {file}\n",
    "through a module of ours": (
        "hydra:\n  callbacks:\n    e:\n      _target_: tratree.tree.forest_file.np.load\n"
        "      file: {file}\n"
    ),
    "inside our own": (
        "hydra:\n  callbacks:\n    sweep:\n      x:\n        _target_: numpy.load\n"
        "        file: {file}\n"
    ),
    "a formatter": (
        "hydra:\n  job_logging:\n    formatters:\n      e:\n        (): numpy.load\n"
        "        file: {file}\n"
    ),
    "a handler": (
        "hydra:\n  job_logging:\n    handlers:\n      e:\n        class: numpy.load\n"
        "        file: {file}\n"
    ),
    "a stream": (
        "hydra:\n  job_logging:\n    handlers:\n      console:\n        stream: ext://this.s\n"
    ),
    "a launcher": "hydra:\n  launcher:\n    x:\n      _target_: os.system\n",
    "elsewhere": "env:\n  data:\n    _target_: numpy.load\n",
}


class Exploit:
    def __reduce__(self) -> tuple[object, tuple[str, str]]:
        return open, ("exploited", "w")


@pytest.mark.parametrize("name", CALLS)
def test_a_configuration_file_calls_nothing(tmp_path: Path, name: str) -> None:
    np.save(tmp_path / "pickle.npy", np.array([Exploit()]), allow_pickle=True)
    configs = tmp_path / "configs" / "experiment"
    configs.mkdir(parents=True)
    text = CALLS[name].format(file=tmp_path / "pickle.npy")
    (configs / "evil.yaml").write_text(f"# @package _global_\n{text}")
    done = train("--config-dir", str(configs.parent), "experiment=evil", folder=tmp_path)
    assert done.returncode == 1
    assert done.stderr.startswith("error: "), done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert sorted(path.name for path in tmp_path.iterdir()) == ["configs", "pickle.npy"]


@pytest.mark.parametrize(
    "override",
    [
        "rollout.servers=[http://user:secret@localhost:8000]",
        "rollout.servers=http://user:secret@localhost",
        "rollout.servers=[user:secret@localhost:8000]",
        "rollout.servers=['http://localhost:8000/?api_key=secret']",
        "model.strong.name=https://user:secret@somewhere/model",
    ],
)
@pytest.mark.parametrize("more", [(), ("-m", "seed=0,1")])
def test_a_password_is_refused_before_anything_is_written(
    tmp_path: Path, override: str, more: tuple[str, ...]
) -> None:
    done = train(override, *more, folder=tmp_path)
    assert done.returncode == 1
    assert "VLLM_API_KEY" in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert "secret" not in done.stdout + done.stderr
    assert not list(tmp_path.iterdir())


def test_a_password_in_a_file_is_refused_too(tmp_path: Path) -> None:
    configs = tmp_path / "configs" / "experiment"
    configs.mkdir(parents=True)
    server = "rollout:\n  servers: ['http://user:secret@localhost']\n"
    (configs / "ours.yaml").write_text(f"# @package _global_\n{server}")
    done = train("--config-dir", str(configs.parent), "experiment=ours", folder=tmp_path)
    assert done.returncode == 1
    assert "VLLM_API_KEY" in done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["configs"]


def test_commands_that_compose_refuse_it_too() -> None:
    with pytest.raises(UserError, match="VLLM_API_KEY"):
        compose_config(["rollout.servers=[http://user:secret@localhost]"])
