"""The package: effects of importing it, and what it is installed with."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from importlib.util import find_spec
from pathlib import Path

import pytest


@pytest.mark.skipif(find_spec("bitsandbytes") is None, reason="needs bitsandbytes")
def test_bitsandbytes_says_nothing_when_it_is_imported() -> None:
    script = "from tratree.large_imports import begin; begin(); import peft.tuners.lora.bnb"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


ROOT = Path(__file__).resolve().parents[1]


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
