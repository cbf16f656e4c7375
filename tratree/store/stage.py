"""A stage: one step of the method, named by everything its result depends on."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from tratree.modules.settings import HardwareSettings
from tratree.policy.machine_settings import EngineSettings, ServerSettings, WorkerSettings
from tratree.store.progress import Progress
from tratree.tracking import Tracker


@dataclass(frozen=True)
class Resources:
    """Resources that a stage may use; none of them changes a result, so none is in a stage's key.

    Attributes:
        workers: Processes that play episodes side by side, and when one is replaced.
        engine: Use of the machine by each of them.
        cache: Folder for files that can be made again at any time.
        hardware: That of a training; GPUs that play are all there are.
        servers: vLLM servers, for episodes that are to be played by them.
        logs: The folder for what those say that are started; None puts it into `cache`.
        profiler: Name of Lightning's profiler that watches the fine-tunings, ``simple`` or
            ``advanced``; None for none.
        profiles: The folder that it writes to.
    """

    workers: WorkerSettings
    engine: EngineSettings
    cache: Path
    hardware: HardwareSettings = field(default_factory=HardwareSettings)
    servers: ServerSettings = field(default_factory=ServerSettings)
    logs: Path | None = None
    profiler: str | None = None
    profiles: Path | None = None


@dataclass(frozen=True)
class Job:
    """The input of a stage's function: settings, folders of its inputs, and where to write.

    `title` is the stage's, for people and trackers.

    `folder` may hold what an earlier, interrupted run of the same stage left there of the files
    that the stage resumes; the function continues from them and must end with the same bytes as an
    undisturbed run.
    """

    settings: Mapping[str, Any]
    inputs: Mapping[str, Path]
    folder: Path
    resources: Resources
    progress: Progress
    title: str = ""
    tracker: Tracker = field(default_factory=Tracker)


@dataclass(frozen=True)
class Stage:
    """A pure function of `settings` and of the stages before it.

    Attributes:
        name: Word for its work; also the name of its folder in the store.
        settings: The slice of the configuration that its result depends on, as JSON data.
        inputs: The stages whose folders it reads, by the name it knows them under.
        run: The function that fills the folder.
        version: Raised when `run` changes what it writes for equal settings.
        label: Tells apart stages of one name in progress messages, such as ``weak``.
        resumes: The files that `run` resumes from, as patterns of their paths in the folder, such
            as ``episodes.log.jsonl``. All else that is there when work begins is removed.
        self_contained: Whether later stages read only what it writes, and not its settings. If
            it writes the same with other settings, what follows need not be computed again.
        code: Functions of other packages that `run` calls, whose code is looked at as its own is.
    """

    name: str
    settings: Mapping[str, Any]
    run: Callable[[Job], None]
    inputs: Mapping[str, Stage] = field(default_factory=dict)
    version: int = 1
    label: str = ""
    resumes: tuple[str, ...] = ()
    self_contained: bool = False
    code: tuple[Callable[..., Any], ...] = ()

    @property
    def title(self) -> str:
        """Name and label for people."""
        return f"{self.name} {self.label}".strip()

    def description(self) -> dict[str, Any]:
        """Return everything the key is made of."""
        return {
            "stage": self.name,
            "version": self.version,
            "settings": dict(self.settings),
            "inputs": {name: stage.key for name, stage in sorted(self.inputs.items())},
        }

    @cached_property
    def key(self) -> str:
        """A hash of name, version, settings and the inputs' keys: 16 hexadecimal digits."""
        return key_of(self.description())


def key_of(description: Mapping[str, Any]) -> str:
    """Return the key of what `Stage.description` returns, or of its JSON: 16 hexadecimal digits."""
    text = json.dumps(description, sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def with_inputs(stages: Iterable[Stage]) -> list[Stage]:
    """Return `stages` and all that they need, each once, after its inputs."""
    found: dict[tuple[str, str], Stage] = {}

    def visit(stage: Stage) -> None:
        for before in stage.inputs.values():
            visit(before)
        found.setdefault((stage.title, stage.key), stage)

    for stage in stages:
        visit(stage)
    return list(found.values())
