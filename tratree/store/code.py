"""Digests of the code that a stage ran, so that a run can say where code has changed since.

They are no part of a stage's key: code changes every day, and most changes mean nothing for most
stages. A change that gives another result for equal settings raises the stage's ``version``.
"""

from __future__ import annotations

import ast
import hashlib
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from functools import cache, partial
from importlib.machinery import ModuleSpec, PathFinder
from importlib.util import find_spec
from os.path import exists
from pathlib import Path
from typing import Any, TypeAlias

from pydantic import TypeAdapter

from tratree.files import SETTLED_NS, user_cache, write_json

NO_INFLUENCE = (
    "tratree.config",
    "tratree.errors",
    "tratree.plugins",
    "tratree.store",
    "tratree.tracking",
)
"""Modules and packages whose code is not followed: no result depends on it."""


def code_digests(*functions: Callable[..., Any]) -> dict[str, str]:
    """Return a digest of each module whose code some functions may run.

    They are the modules of a function's own package that its module imports, directly or not; those
    of a `functools.partial` are those of its function and arguments.
    Comments, docstrings and spacing do not count.
    """
    found: dict[str, str] = {}
    waiting = [name for function in functions for name in _modules(function)]
    known = dict(_kept())
    while waiting:
        name = waiting.pop()
        if name not in found:
            digest, imported = _read(name)
            if digest:
                found[name] = digest
                waiting += imported
    if _kept() != known:
        _keep(_kept())
    return dict(sorted(found.items()))


def changed_modules(before: Mapping[str, str], now: Mapping[str, str]) -> list[str]:
    """Return the modules that are not as they were; also new ones, and those that are gone."""
    return sorted(name for name in before.keys() | now.keys() if before.get(name) != now.get(name))


def _modules(function: Any) -> Iterator[str]:
    if isinstance(function, partial):
        for part in (function.func, *function.args):
            yield from _modules(part)
    elif isinstance(function, str) and ":" in function:  # of `tratree.plugins`
        yield function.partition(":")[0]
    elif callable(function):
        yield function.__module__


_Kept: TypeAlias = "dict[str, tuple[list[int], str, list[str]]]"
"""Of each file its size, time and number, its digest, and the names that it imports."""


@cache
def _kept() -> _Kept:
    """Return what files said when they were last parsed, which takes half a second for all."""
    kept: _Kept = {}
    with suppress(OSError, RuntimeError, ValueError):  # without a cache they are parsed again
        kept = TypeAdapter(_Kept).validate_json(_cache_file().read_bytes())
    return kept


def _keep(kept: _Kept) -> None:
    with suppress(OSError, RuntimeError):
        write_json(_cache_file(), {file: said for file, said in kept.items() if exists(file)})


def _cache_file() -> Path:
    return user_cache() / f"code-{sys.version_info.major}.{sys.version_info.minor}.json"


def _parsed(file: str) -> tuple[str, list[str]]:
    """Return the digest of a file, and the names that it imports."""
    tree = ast.parse(Path(file).read_bytes())
    nodes = list(ast.walk(tree))
    imported = sorted(set(_imports(nodes)))
    for node in nodes:
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            _drop_docstrings(node)
    return hashlib.sha256(ast.unparse(tree).encode()).hexdigest()[:16], imported


@cache
def _read(name: str) -> tuple[str, list[str]]:
    """Return the digest of a module, and what it imports of its own package; "" of no source."""
    spec = _spec(name)
    if spec is None or spec.origin is None or not spec.origin.endswith(".py"):
        return "", []
    state = Path(spec.origin).stat()
    facts = [state.st_size, state.st_mtime_ns, state.st_ino]
    known, digest, imported = _kept().get(spec.origin, ([], "", []))
    if known != facts:
        digest, imported = _parsed(spec.origin)
        if time.time_ns() - state.st_mtime_ns > SETTLED_NS:
            _kept()[spec.origin] = facts, digest, imported
    top = name.partition(".")[0]
    modules = {_module(text) for text in imported if text.partition(".")[0] == top}
    return digest, sorted(module for module in modules if not _without_influence(module))


def _imports(nodes: Iterable[ast.AST]) -> Iterator[str]:
    for node in nodes:
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def _module(name: str) -> str:
    """Return the module of a name that is one, or is in one."""
    return name if _spec(name) else name.rpartition(".")[0]


@cache
def _spec(name: str) -> ModuleSpec | None:
    """Find a module without importing the packages that it is in, as `find_spec` would."""
    package = name.rpartition(".")[0]
    if not package:
        try:
            return find_spec(name)
        except ValueError:
            return None
    within = _spec(package)
    if within is None or within.submodule_search_locations is None:
        return None
    return PathFinder.find_spec(name, within.submodule_search_locations)


def _without_influence(module: str) -> bool:
    return any(module == name or module.startswith(f"{name}.") for name in NO_INFLUENCE)


def _drop_docstrings(
    node: ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef,
) -> None:
    """Leave out texts that are statements: docstrings, also those of attributes."""
    kept = [
        statement
        for statement in node.body
        if not (
            isinstance(statement, ast.Expr)
            and isinstance(statement.value, ast.Constant)
            and isinstance(statement.value.value, str)
        )
    ]
    node.body = kept or [ast.Pass()]
