"""The direction of imports between the rooms of the package."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import tratree

PACKAGE = Path(tratree.__file__).parent

# A room may import those below it, and one on a line of its own only itself and those below.
LAYERS = (
    ("cli",),
    ("panel", "sweeps"),
    ("runs",),
    ("plan",),
    ("composition", "stages"),
    ("config_reading",),
    ("config",),
    ("combinations", "composition_checks", "method_plugins"),
    ("store",),
    ("tracking",),
    ("report", "tuning"),
    ("evaluation", "modules"),
    ("data",),
    ("policy",),
    ("models",),
    ("envs", "tree"),
    ("trajectory", "plugins", "external_files"),
    (
        "child_processes",
        "credentials",
        "documents",
        "files",
        "leftovers",
        "slurm_steps",
        "time_limit",
    ),
    ("choices",),
    ("errors", "external_data", "large_imports", "preemption", "words"),
)

SETTINGS = ("settings", "plugin", "our_methods")
"""Modules of rooms that the configuration is composed of; what they import is as light."""


@cache
def modules() -> dict[str, Path]:
    return {
        ".".join(("tratree", *path.relative_to(PACKAGE).with_suffix("").parts)).removesuffix(
            ".__init__"
        ): path
        for path in PACKAGE.rglob("*.py")
    }


@cache
def imported(module: str) -> frozenset[str]:
    """Return the modules that one imports, anywhere in it except for types alone."""
    return frozenset(_imported(ast.parse(modules()[module].read_text("utf-8")))) - {module}


def _imported(node: ast.AST) -> Iterator[str]:
    if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
        return
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names if alias.name in modules())
    if isinstance(node, ast.ImportFrom) and str(node.module).startswith("tratree"):
        for alias in node.names:
            inside = f"{node.module}.{alias.name}"
            yield inside if inside in modules() else str(node.module)
    for child in ast.iter_child_nodes(node):
        yield from _imported(child)


def test_no_module_imports_itself_by_way_of_others() -> None:
    done: set[str] = set()

    def visit(module: str, path: tuple[str, ...]) -> None:
        assert module not in path, " imports ".join((*path[path.index(module) :], module))
        if module not in done:
            for other in sorted(imported(module)):
                visit(other, (*path, module))
            done.add(module)

    for module in sorted(modules()):
        visit(module, ())
    assert len(done) > 200


def room(module: str) -> str:
    return module.split(".")[1] if "." in module else ""


def test_rooms_import_what_is_below_them() -> None:
    layer = {name: number for number, names in enumerate(LAYERS) for name in names}
    wrong = [
        f"{module} imports {other}"
        for module in modules()
        for other in imported(module)
        if (mine := room(module)) != (theirs := room(other))
        and other.rpartition(".")[2] not in SETTINGS
        and module.rpartition(".")[2] not in SETTINGS
        and theirs  # the package itself imports nothing
        and not layer.get(mine, -1) < layer.get(theirs, -1)
    ]
    assert not wrong


REGISTERED = ("OmegaConf.register_new_resolver", "register_attention")
"""Calls at import that tell a library of something of ours, which changes nothing else."""

PUTS_BACK = ("tratree.envs.alfworld.package", "tratree.large_imports.first")
PUTS_BACK += ("tratree.large_imports.last",)
"""Modules whose purpose is an effect, which they or their user undo."""


def test_importing_a_module_has_no_effect() -> None:
    found = []
    for module, path in modules().items():
        for node in ast.parse(path.read_text("utf-8")).body:
            calls = isinstance(node, ast.Expr) and isinstance(node.value, ast.Call)
            if calls and ast.unparse(node).startswith(REGISTERED):
                continue
            targets = node.targets if isinstance(node, ast.Assign) else []
            sets = any(isinstance(target, ast.Subscript | ast.Attribute) for target in targets)
            if (calls or sets) and module not in PUTS_BACK:
                found.append(f"{module}: {ast.unparse(node)}")
    assert not found
