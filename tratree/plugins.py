"""Plug-ins: environments and methods of any package, found by the entry points that it declares.

A package offers a plug-in in its ``pyproject.toml``::

    [project.entry-points."tratree.environments"]
    guess_number = "guess_number.environment:GUESS_NUMBER"

and one that is not installed as a plug-in is named as ``package.module:NAME``. This package's own
come through the same door.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import lru_cache, partial
from importlib import import_module
from importlib.metadata import (
    Distribution,
    EntryPoint,
    EntryPoints,
    PackageNotFoundError,
    entry_points,
    version,
)
from typing import Any, Generic, TypeVar

from packaging.requirements import Requirement

from tratree.errors import UserError

CONFIG_GROUP = "tratree.conf"
"""Entry points that name a package of configuration files, such as ``guess_number.conf``."""

Plugin = TypeVar("Plugin")


class PluginGroup(Generic[Plugin]):
    """The plug-ins of one kind.

    Attributes:
        group: Name of the entry points' group.
        key: The configuration's key of the group, such as ``env``, for messages.
        kind: The class of a plug-in's record.
    """

    def __init__(self, group: str, key: str, kind: type[Plugin]) -> None:
        self.group, self.key, self.kind = group, key, kind

    def names(self) -> list[str]:
        """Return the names of those that are installed, sorted."""
        return sorted({point.name for point in _offered(self.group)})

    def installed(self) -> Iterator[Plugin]:
        """Yield the installed ones that can be imported; `find` says what is wrong with another."""
        for point in _offered(self.group):
            with suppress(UserError):
                yield self._load(point)

    def origin(self, name: str) -> str:
        """Return the distribution that offers a plug-in, with its version."""
        distribution = self._entry_point(name).dist
        return f"{distribution.name} {distribution.version}" if distribution else ""

    def find(self, reference: str) -> Plugin:
        """Return the plug-in of a name, or of a target ``package.module:NAME``.

        Raises:
            UserError: If there is none, or it can't be imported.
        """
        if _is_target(reference):
            if not EntryPoint.pattern.match(reference):
                raise UserError(f"{self.key}={reference} is no package.module:NAME: correct it")
            return self._load(EntryPoint(reference, reference, self.group))
        return self._load(self._entry_point(reference))

    def check_extra(self, reference: str, extra: str | None) -> None:
        """Check that the packages of a plug-in's extra are installed.

        Raises:
            UserError: If one is missing; the message names the command that installs it.
        """
        distribution = None if _is_target(reference) else self._entry_point(reference).dist
        if extra is None or distribution is None:
            return
        missing = [name for name in _required(distribution, extra) if not _is_installed(name)]
        if missing:
            raise UserError(
                f"{self.key}={reference} needs {', '.join(missing)}: "
                f"pip install '{distribution.name}[{extra}]'"
            )

    def _entry_point(self, name: str) -> EntryPoint:
        found = {point.value: point for point in _offered(self.group).select(name=name)}
        if not found:
            raise UserError(
                f"{self.key}={name} is not known: use one of {', '.join(self.names())}, or "
                f"{self.key}.target=package.module:NAME"
            )
        if len(found) > 1:
            raise UserError(
                f"{self.key}={name} is offered by several packages ({', '.join(sorted(found))}): "
                f"uninstall one, or say {self.key}.target=package.module:NAME"
            )
        return next(iter(found.values()))

    def _load(self, point: EntryPoint) -> Plugin:
        try:
            plugin = point.load()
        except Exception as error:  # another package's code may do anything at import
            raise UserError(
                f"{self.key}: {point.value} cannot be imported ({_one_line(error)}): correct the "
                "name, install its package, or add its folder to PYTHONPATH"
            ) from error
        if not isinstance(plugin, self.kind):
            raise UserError(
                f"{self.key}: {point.value} is a {type(plugin).__name__}: name a "
                f"{self.kind.__module__}.{self.kind.__qualname__}"
            )
        return plugin


def _offered(group: str) -> EntryPoints:
    """Return the entry points of a group, of all packages that can be imported now."""
    return _entry_points(group, tuple(sys.path))


@lru_cache(maxsize=8)
def _entry_points(group: str, _: tuple[str, ...]) -> EntryPoints:
    """Return them: reading what each package offers takes a while."""
    return entry_points(group=group)


def imported_when_called(target: str) -> Callable[..., Any]:
    """Return a function that imports ``package.module:function`` when it is called, and calls it.

    A plug-in's record is read whenever a configuration is composed, so its module should import
    nothing heavy.
    """
    return partial(_import_and_call, target)


def _import_and_call(target: str, *arguments: Any, **named: Any) -> Any:
    module, _, name = target.partition(":")
    return getattr(import_module(module), name)(*arguments, **named)


def _one_line(error: Exception) -> str:
    return " ".join(f"{type(error).__name__}: {error}".split())


def _is_target(reference: str) -> bool:
    return ":" in reference or "." in reference


def _required(distribution: Distribution, extra: str) -> list[str]:
    """Return the names of the packages that an extra of a distribution adds."""
    found = [Requirement(text) for text in distribution.requires or ()]
    return [
        requirement.name
        for requirement in found
        if requirement.marker is not None
        and requirement.marker.evaluate({"extra": extra})
        and not requirement.marker.evaluate({"extra": ""})
    ]


def _is_installed(name: str) -> bool:
    try:
        version(name)
    except PackageNotFoundError:
        return False
    return True
