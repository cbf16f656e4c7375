"""Reading an instruction: what a buyer can know of a goal."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

_INSTRUCTION = re.compile(
    r"(?P<things>.*?)"
    r"(?: with (?P<options>(?:(?! with )[^:])+: .+?))?"
    r"(?:, and price lower than (?P<bound>[\d.]+) dollars)?",
    re.DOTALL,
)
_WORD = re.compile(r"[\w'-]+(?:[.&/][\w'-]+)*")
_FILLERS = (
    "a am an and are be buy can find for get give i i'd i'm in is it like look looking me my need "
    "of one or please should show some something that the them to want which with would"
)


@dataclass(frozen=True)
class Wish:
    """The product that an instruction asks for.

    Attributes:
        text: The instruction without the price, lower-case.
        words: The words that describe the thing, lower-case.
        options: The values that are named together with their group, by group.
        bound: Highest price, in dollars; infinite if nothing is said.
    """

    text: str
    words: tuple[str, ...]
    options: dict[str, str]
    bound: float

    def keywords(self) -> str:
        """Return what to search for."""
        return " ".join([*self.words, *self.options.values()])

    def choices(self, groups: dict[str, tuple[str, ...]]) -> list[str]:
        """Return the values to choose from a product's option groups.

        Of a group that the instruction does not name, it is the longest value it mentions.
        """
        chosen = []
        for group, values in groups.items():
            if group in self.options:
                wanted = self.options[group]
                nearest = max(values, key=lambda value: _likeness(value, wanted))
                chosen += [nearest] if _likeness(nearest, wanted) else []
            elif not self.options:
                chosen += sorted(filter(self._mentions, values), key=len)[-1:]
        return chosen

    def lacking(self, texts: Iterable[str]) -> tuple[str, ...]:
        """Return the words that none of the texts contains."""
        text = " ".join(texts).lower()
        return tuple(word for word in self.words if word not in text)

    def _mentions(self, value: str) -> bool:
        return re.search(rf"(?<!\w){re.escape(value)}(?!\w)", self.text) is not None


def _likeness(value: str, wanted: str) -> float:
    """Return the share of words that two option values have in common, plus 1 if equal."""
    words, wanted_words = set(_WORD.findall(value)), set(_WORD.findall(wanted))
    return (value == wanted) + len(words & wanted_words) / max(1, len(words | wanted_words))


def read_instruction(instruction: str) -> Wish:
    """Read an instruction, of a synthetic or a human goal."""
    match = _INSTRUCTION.fullmatch(instruction.lower())
    assert match is not None, "every part but the first may be missing"
    words = [word for word in _WORD.findall(match["things"]) if word not in _FILLERS.split()]
    pairs = [part.partition(": ") for part in (match["options"] or "").split(", and ")]
    return Wish(
        text=instruction.lower()[: match.start("bound")] if match["bound"] else instruction.lower(),
        words=tuple(dict.fromkeys(words)),
        options={group: value for group, _, value in pairs if value},
        bound=float(match["bound"] or "inf"),
    )
