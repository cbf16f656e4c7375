"""The package: effects of importing it, and what it is installed with."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tomllib
from importlib.util import find_spec
from pathlib import Path
from zipfile import ZipFile

import pytest
import yaml


@pytest.mark.skipif(find_spec("bitsandbytes") is None, reason="needs bitsandbytes")
def test_bitsandbytes_says_nothing_when_it_is_imported() -> None:
    script = "from tratree.large_imports import begin; begin(); import peft.tuners.lora.bnb"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture
def unpacked(tmp_path: Path) -> Path:
    """Return a folder with what is in the wheel that `make build` has made of this checkout."""
    wheels = sorted((ROOT / "dist").glob("tratree-*.whl"))
    if not wheels:
        pytest.skip("there is no wheel in dist/: make build")
    folder = tmp_path / "installed"
    with ZipFile(wheels[-1]) as wheel:
        wheel.extractall(folder)
    for path in folder.glob("tratree/**/*.py"):
        here = ROOT / path.relative_to(folder)
        if not here.is_file() or here.read_bytes() != path.read_bytes():
            pytest.skip(f"the wheel is of another {path.name}: make build")
    return folder


@pytest.mark.slow
def test_a_wheel_runs_in_a_folder_of_its_own(unpacked: Path, tmp_path: Path) -> None:
    fresh = tmp_path / "fresh"
    fresh.mkdir()
    environment = {k: v for k, v in os.environ.items() if k != "TRATREE_STORE"}
    environment["PYTHONPATH"] = str(unpacked)
    start = "import sys, tratree.cli as c; print(c.__file__, file=sys.stderr); c.main()"

    def tratree(*arguments: str) -> str:
        command = [sys.executable, "-P", "-c", start, *arguments]
        done = subprocess.run(
            command, cwd=fresh, env=environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        assert done.stderr.startswith(str(unpacked))
        return done.stdout

    assert "run an experiment" in tratree()
    assert "env: alfworld, outside" in tratree("run", "--help")
    assert "name: webshop" in tratree("run", "env=webshop", "--cfg", "job")
    assert "sft_strong" in tratree("env=alfworld", "debug=smoke")
    assert list((fresh / "outputs").rglob("results.json"))


def test_both_files_of_pinned_versions_agree() -> None:
    locked = tomllib.loads((ROOT / "uv.lock").read_text("utf-8"))["package"]
    versions: dict[str, set[str]] = {}
    for package in locked:
        versions.setdefault(package["name"], set()).add(package.get("version", ""))
        assert all("hash" in wheel for wheel in package.get("wheels", ()))
    lines = (ROOT / "constraints.txt").read_text("utf-8").splitlines()
    pairs = [line.split("==") for line in lines if line and not line.startswith("#")]
    pins = {re.sub(r"[_.]", "-", name).lower(): version for name, version in pairs}
    both = pins.keys() & versions.keys()
    assert len(both) > 0.9 * len(pins)  # others build packages
    assert {name: versions[name] for name in both} == {name: {pins[name]} for name in both}


def test_the_citation_names_this_version() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text("utf-8"))
    assert {key: citation[key] for key in ("title", "version", "license")} == {
        "title": project["name"],
        "version": project["version"],
        "license": project["license"],
    }


def test_the_workflow_runs_every_supported_python() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    workflow = yaml.safe_load((ROOT / ".github/workflows/ci.yml").read_text("utf-8"))
    job = workflow["jobs"]["ci"]
    assert [
        f"Programming Language :: Python :: {p}" for p in job["strategy"]["matrix"]["python"]
    ] == [classifier for classifier in project["classifiers"] if "Python :: " in classifier]
    commands = [step["run"] for step in job["steps"] if "run" in step]
    assert os.access(ROOT / commands[-1], os.X_OK)
