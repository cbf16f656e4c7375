"""Observations that list things, compared without the order of the list."""

from __future__ import annotations

import re

_INTRODUCED = re.compile(
    r"([^\x01]*\b(?:you see:?|is:|are:|carrying:?|containing:?) )(.+)", re.IGNORECASE
)
"""The words before an enumeration, and the enumeration."""

_COMMA = re.compile(r", (?!which |currently )(?:and )?")
"""Between things; what follows another comma is said of the thing before it: `which is off`."""

_INNERMOST = re.compile(r"\(([^()]*)\)")
_OPEN, _NEXT, _CLOSE = "\x01", "\x02", "\x03"


def unordered(text: str) -> str:
    """Return a text for comparisons: the things of each list sorted, space folded.

    Lists are the lines after one that ends with a colon, and what is enumerated after words such as
    `you see`, also in parentheses. What lies in or on one thing stays apart from what another has.
    """
    told: list[str] = []
    listed: list[str] | None = None
    indented = False
    for line in filter(str.strip, text.split("\n")):
        inside = line[0].isspace()
        if listed == []:
            indented = inside
        if listed is None or line.rstrip().endswith(":") or (indented and not inside):
            told += sorted(listed or [])
            told.append(_sorted_within(line))
            listed = [] if line.rstrip().endswith(":") else None
        else:
            listed.append(_sorted_within(line))
    return "\n".join(told + sorted(listed or []))


def _sorted_within(line: str) -> str:
    """Return a line with its enumerations sorted, the inner ones first."""
    line = " ".join(line.split())
    inner = 1
    while inner:
        line, inner = _INNERMOST.subn(lambda m: _OPEN + _sorted_things(m[1], _NEXT) + _CLOSE, line)
    return ". ".join(_sorted_things(sentence, ", ") for sentence in line.split(". "))


def _sorted_things(sentence: str, between: str) -> str:
    found = _INTRODUCED.fullmatch(sentence)
    if found is None:
        return sentence.replace(", ", between)
    return found[1] + between.join(sorted(_COMMA.split(found[2].rstrip(" ."))))
