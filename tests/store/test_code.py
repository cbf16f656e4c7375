"""A change of code gives a message about a stored stage, and no other key."""

from __future__ import annotations

import io
import os
import sys
from dataclasses import replace
from functools import partial
from importlib import import_module, invalidate_caches
from pathlib import Path

import pytest
from rich.console import Console

from tratree.composition import compose_config
from tratree.errors import UserError
from tratree.runs import run as runs
from tratree.store import code
from tratree.store.progress import Progress
from tratree.store.stage import Stage

FILES = {
    "__init__": "",
    "stages": "from kitchen import oven\nfrom kitchen.table import lay\nimport json\n"
    "def bake(job):\n    oven.heat()\n    (job.folder / 'bread').touch()\n"
    "def serve(job):\n    (job.folder / 'plate').touch()\n",
    "oven": "def heat():\n    '''Heat it.'''\n    return 200\n",
    "table": "def lay():\n    import kitchen.cloth\n",
    "cloth": "COLOUR = 'white'\n",
    "cellar": "WINE = 'red'\n",
}


@pytest.fixture
def kitchen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "kitchen"
    folder.mkdir()
    for name, text in FILES.items():
        (folder / f"{name}.py").write_text(text)
    monkeypatch.syspath_prepend(str(tmp_path))
    for name in [name for name in sys.modules if name.partition(".")[0] == "kitchen"]:
        monkeypatch.delitem(sys.modules, name)
    return folder


def digests() -> dict[str, str]:
    """Look at the files as another process would."""
    invalidate_caches()
    code._read.cache_clear()
    code._kept.cache_clear()
    code._spec.cache_clear()
    return code.code_digests(partial(print, import_module("kitchen.stages").bake))


def test_a_file_is_parsed_again_once_it_has_changed(
    kitchen: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    parsed: list[str] = []
    parse = code._parsed
    monkeypatch.setattr(code, "_parsed", lambda file: parsed.append(Path(file).stem) or parse(file))
    for path in kitchen.iterdir():
        os.utime(path, (1, 1))
    first = digests()
    assert len(parsed) == 4
    assert digests() == first
    assert len(parsed) == 4
    (kitchen / "oven.py").write_text("def heat():\n    return 250\n")
    changed = digests()
    assert code.changed_modules(first, changed) == ["kitchen.oven"]
    assert digests() == changed
    assert parsed[4:] == ["oven", "oven"]  # another write could have the same time
    [kept] = (tmp_path / "cache" / "tratree").iterdir()
    kept.write_text('{"a": 1}')
    assert digests() == changed
    assert len(parsed) == 10
    kept.unlink()
    kept.mkdir()
    assert digests() == changed


def test_what_a_function_may_run(kitchen: Path) -> None:
    found = digests()
    assert set(found) == {f"kitchen.{name}" for name in ("stages", "oven", "table", "cloth")}
    (kitchen / "cellar.py").write_text("WINE = 'white'\n")
    (kitchen / "oven.py").write_text('# Hot.\ndef heat():\n    """Do it."""\n\n    return 200\n')
    assert digests() == found
    (kitchen / "oven.py").write_text("def heat():\n    return 250\n")
    (kitchen / "cloth.py").write_text("COLOUR = 'red'\n")
    changed = code.changed_modules(found, digests())
    assert changed == ["kitchen.cloth", "kitchen.oven"]


def test_ours_do_not_depend_on_where_results_are_kept() -> None:
    from tratree.stages.trees import _merge

    found = code.code_digests(_merge)
    assert "tratree.tree.merge" in found
    assert not {name for name in found if name.startswith(("tratree.store", "tratree.config"))}


def test_a_run_says_once_that_code_has_changed(kitchen: Path, tmp_path: Path) -> None:
    stages = import_module("kitchen.stages")
    bake = Stage("bread", {}, stages.bake)
    serve = Stage("plate", {}, stages.serve, {"bread": bake})
    said = io.StringIO()
    config = compose_config([f"store={tmp_path}/store"])
    store = runs.open_store(config, Progress(Console(file=said, width=1000)))
    digests()
    folder = store.ensure(serve)
    runs._look_at_code(config, store, [bake, serve])
    assert "code has changed" not in said.getvalue()

    (kitchen / "oven.py").write_text("def heat():\n    return 250\n")
    digests()
    runs._look_at_code(config, store, [bake, serve])
    [line] = [line for line in said.getvalue().splitlines() if "code has changed" in line]
    assert "since bread, plate were stored (kitchen.oven)" in line
    assert f"rm -r {store.folder(bake)} {folder}" in line
    runs._look_at_code(config, store, [bake])
    assert "since bread was stored (kitchen.oven)" in said.getvalue()
    assert store.ensure(serve) == folder, "the key is the same"
    config = replace(config, changed_code="refuse")
    with pytest.raises(UserError, match=r"code has changed .*set store=NEW_FOLDER\Z"):
        runs._look_at_code(config, store, [bake, serve])
    for path in (folder, store.folder(bake)):
        for file in path.iterdir():
            file.unlink()
        path.rmdir()
    store.ensure(serve)
    runs._look_at_code(config, store, [bake, serve])
