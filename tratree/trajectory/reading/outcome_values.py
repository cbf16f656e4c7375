"""Values that state an outcome: numbers, words, lists and objects of them, in any scale."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from typing import Any

from tratree.trajectory.reading.outcome_names import (
    CUT_SHORT,
    FEW_WORDS,
    NO,
    NOT,
    PLAIN,
    WITHIN_SCORE,
    YES,
)
from tratree.trajectory.reading.outcome_places import first_told, folded_fields
from tratree.trajectory.reading.record_error import RecordError
from tratree.trajectory.types import short

TOLERANCE = 1e-6


def as_number(where: str, value: Any) -> float | None:
    """Return the number that a value states; None where it is unknown.

    Raises:
        RecordError: If it states none.
    """
    if isinstance(value, list):
        read = [
            as_number(f"{where}[{n}]", item) for n, item in enumerate(value) if item is not None
        ]
        return _together(where, [number for number in read if number is not None])
    if isinstance(value, Mapping):
        inner = [folded_fields(value, f"{where}.")]
        found = first_told(inner, WITHIN_SCORE, as_number)
        return _only(where, value) if found is None else found
    said = 0.5 if value == "P" else in_words(where, value)  # a grader's partly
    if said is not None:
        return float(said)
    if isinstance(value, str):
        part, mark, whole = value.strip().removesuffix("%").partition("/")
        try:
            value = float(part) / (float(whole) if mark else 100 if "%" in value else 1)
        except (ValueError, ZeroDivisionError):
            raise RecordError(f"{where} is {short(value)}, not a number") from None
    if not isinstance(value, bool | int | float) or not math.isfinite(value):
        raise RecordError(f"{where} is {short(value)}, not a number")
    return float(value)


def _only(where: str, scores: Mapping[str, Any]) -> float | None:
    """Return the score that all of an object's have: nothing tells which of different ones counts.

    Null is unknown.

    Raises:
        RecordError: If they differ, or there is none.
    """
    numbers = {
        as_number(f"{where}.{name}", value)
        for name, value in scores.items()
        if isinstance(value, int | float | Mapping)
    }
    if scores and all(value is None for value in scores.values()):
        return None
    if len(numbers) != 1:
        names = short(", ".join(map(str, scores)))
        raise RecordError(f"{where} has {names}: name the number that counts `score`")
    return numbers.pop()


def _together(where: str, numbers: list[float]) -> float | None:
    """Return the last of scores; of rewards their sum, unless they are scores that rise."""
    if not numbers:
        return None
    return numbers[-1] if are_rising(numbers) or "score" in where.lower() else sum(numbers)


def are_rising(numbers: Sequence[float]) -> bool:
    return len(numbers) > 1 and list(numbers) == sorted(numbers) and numbers[-2] > 0


def as_numbers(where: str, value: Any) -> list[float]:
    """Return the numbers of a list that may add up."""
    added = isinstance(value, list) and "score" not in where.lower()
    return [float(n) for n in value if isinstance(n, int | float)] if added else []


def fraction(where: str, value: Any) -> float | None:
    """Return an outcome that is a number; a status of 0 is that of a program that ended well."""
    number = isinstance(value, int | float) and (isinstance(value, bool) or "status" not in where)
    return float(value) if number and 0 <= value <= 1 else None


def in_words(where: str, value: Any) -> bool | None:
    """Return what a word says, or a few words such as ``Task failed.``."""
    word = str(value).strip(" \n.!").lower() if isinstance(value, str | bool) else ""
    if word in YES or word in NO:
        return word in YES
    said = set(re.findall(r"[a-z]+", word))
    told = {w for w in said if len(w) > 3} & (YES | NO)
    if len(word.split()) > FEW_WORDS:
        return None
    if told & NO or (said & NOT and (told or said & PLAIN)):
        return False
    return True if told and said <= YES | PLAIN else None


def cut_short(where: str, value: Any) -> bool | None:
    """Return True for a few words that say that an episode ended at a limit or was given up."""
    said = value.lower().replace("_", " ") if isinstance(value, str) else ""
    told = said.split()
    return (
        True if len(told) <= FEW_WORDS and CUT_SHORT.search(said) and YES.isdisjoint(told) else None
    )


def in_text(where: str, value: Any) -> bool | None:
    return in_words(where, value) if isinstance(value, str) else None


def yes_or_no(where: str, value: Any) -> bool | None:
    if isinstance(value, list) and value:
        value = value[-1]
    if isinstance(value, int | float) and value in (0, 1):
        value = bool(value)
    said = in_words(where, value)
    if said is None:
        raise RecordError(f"{where} is {short(value)}, not true or false")
    return said


def scaled(score: float, environment: str | None, what: str, *, solved: bool = False) -> float:
    """Return a score in [0, 1]: ScienceWorld counts to 100, and -100 after a wrong focus.

    verl-agent gives 10 for an episode of ALFWorld or WebShop that is won. What is `solved` has the
    highest score of any scale. A penalty of at most 1 is 0.
    """
    if environment == "scienceworld":
        score = max(0.0, score / 100 if score > 1 else score)
    elif score > 1 and (solved or (score == 10 and environment in ("alfworld", "webshop"))):
        score = 1.0
    elif -1 <= score < 0:
        score = 0.0
    if score < -TOLERANCE or score > 1 + TOLERANCE:
        scale = (
            "no environment that has it is known"
            if environment is None
            else f"{environment} has none"
        )
        raise RecordError(
            f"{what} is {score:g}, a scale beyond 0 to 1, and {scale}: say which with --env, or "
            "divide it"
        )
    return min(1.0, max(0.0, score))
