"""All that the rest of the program is told of a method: one record, found as a plug-in."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tratree.plugins import PluginGroup, imported_when_called

if TYPE_CHECKING:
    from tratree.config import Config
    from tratree.store.stage import Stage


_AS_ALL_SYSTEMS = imported_when_called("tratree.stages.evaluate:evaluate_stage")


@dataclass(frozen=True)
class MethodPlugin:
    """A method: how the strong model is trained, and how what it gives is evaluated.

    Its module should import nothing heavy: see `tratree.plugins.imported_when_called`.

    Attributes:
        name: As in ``method=NAME``.
        help: One line that says what it does.
        train: Composes the stages that train the model from the configuration; gives the last one.
        settings: The class of ``method.*``: `tratree.stages.settings.MethodSettings`, or a
            class that extends it by keys of its own.
        evaluate: ``evaluate(config, name, trained)`` gives the stage that evaluates the trained
            model; by default it plays each episode as all systems do.
    """

    name: str
    help: str
    train: Callable[[Config], Stage]
    settings: type
    evaluate: Callable[[Config, str, Stage], Stage] = _AS_ALL_SYSTEMS


METHODS = PluginGroup("tratree.methods", "method", MethodPlugin)
