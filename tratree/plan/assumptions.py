"""The figures that a plan assumes: `assumed.yaml`, or some of them from another file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NotRequired

from typing_extensions import TypedDict

from tratree.documents import read_yaml
from tratree.errors import UserError
from tratree.words import nearest

ASSUMED = Path(__file__).with_name("assumed.yaml")
GIB = 2**30
CASES = ("worse", "expected", "better")

NO_PROMPT = "env.prompt.required=false"
"""Lets the paper's setting be composed without the files of its prompt."""


class GpuDocument(TypedDict):
    """A kind of GPU, as in the file."""

    memory: float
    tflops: float
    bandwidth: float
    link: float


class EnvironmentDocument(TypedDict):
    """Episodes and tasks of an environment, as in the file."""

    steps: float
    agent: float
    environment: float
    limit: float
    graded: bool
    train: int
    splits: dict[str, int]


class _Document(TypedDict):
    gpus: NotRequired[dict[str, GpuDocument]]
    compute_share: NotRequired[list[float]]
    bandwidth_share: NotRequired[list[float]]
    link_share: NotRequired[list[float]]
    sharing_share: NotRequired[list[float]]
    layer_ms: NotRequired[list[float]]
    solved_share: NotRequired[list[float]]
    useful_share: NotRequired[list[float]]
    disk: NotRequired[float]
    network: NotRequired[float]
    overhead: NotRequired[float]
    pack_repeats: NotRequired[dict[int, float]]
    environments: NotRequired[dict[str, EnvironmentDocument]]


@dataclass(frozen=True)
class Assumptions:
    """All figures, in the units of the file; `case` is the place in those that are a list."""

    values: Mapping[str, Any]
    case: int = CASES.index("expected")

    def one(self, name: str) -> float:
        """Return a figure, of the case where there are three."""
        value = self.values[name]
        return float(value[self.case] if isinstance(value, list) else value)

    def gpu(self, kind: str) -> Mapping[str, float]:
        """Return the figures of a kind of GPU.

        Raises:
            UserError: If it is unknown.
        """
        known: Mapping[str, Mapping[str, float]] = self.values["gpus"]
        if kind not in known:
            raise UserError(
                f"--gpu {kind} is not known: use one of {', '.join(known)}{nearest(kind, known)}, "
                "or give its figures in a file of --assumed"
            )
        return known[kind]

    def environment(self, name: str) -> Mapping[str, Any]:
        """Return what is known of an environment's episodes.

        Raises:
            UserError: If nothing is.
        """
        known: Mapping[str, Mapping[str, Any]] = self.values["environments"]
        if name not in known:
            raise UserError(
                f"the episodes of env={name} are not known: give their means in a file, "
                f"`tratree plan --assumed FILE`, as {ASSUMED.name} has those of others"
            )
        return known[name]

    def pack_repeats(self, pack_tokens: int) -> float:
        """Return how many times the tokens of trees are in packs of that size."""
        known: Mapping[int, float] = self.values["pack_repeats"]
        below = [size for size in known if size <= pack_tokens]
        return known[max(below, default=min(known))]


def read_assumptions(other: Path | None = None) -> Assumptions:
    """Return the figures of the package, or those of another file where it has them.

    Raises:
        UserError: If that file is missing or not of this form.
    """
    advice = f"write it as {ASSUMED}"
    found: dict[str, Any] = read_yaml(ASSUMED, _Document, "install tratree again")
    if other is not None:
        missing = f"--assumed {other} is no file: correct the path"
        given: dict[str, Any] = read_yaml(other, _Document, advice, missing)
        for name, value in given.items():
            if name not in found:
                raise UserError(f"{other}: {name} is not known{nearest(name, found)}: {advice}")
            if isinstance(found[name], list) and len(value) != len(CASES):
                raise UserError(f"{other}: {name} has {len(value)} values, not {len(CASES)}")
            merged = isinstance(value, dict) and name != "pack_repeats"
            found[name] = {**found[name], **value} if merged else value
    return Assumptions(found)
