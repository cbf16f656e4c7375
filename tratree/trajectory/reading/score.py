"""The outcome that a record states, wherever it is and in whatever scale."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from tratree.trajectory.reading.record_error import RecordError, short
from tratree.trajectory.words import words

_PLACES = words(
    "meta metadata metainfo info infos extra extrainfo result results outcome stats summary "
    "evaluation evaluationresult eval evalresult env envinfo details labels metrics"
)
_SCORES = words(
    "score finalscore reward finalreward totalreward episodereward taskreward taskscore "
    "rewardscore cumulativereward trajectoryreward outcomereward envreward envscore return "
    "episodereturn accuracy acc successrate"
)
_SUCCESSES = words(
    "success issuccess successful succeeded tasksuccess issuccessful won win solved "
    "issolved taskcompleted passed iscorrect correct"
)
"""Names without case, underscores and the places before a dot: see `_folded`."""

_YES, _NO = (
    ("true", "yes", "success", "succeeded", "1", "won"),
    ("false", "no", "fail", "failed", "failure", "0", "lost"),
)
_TOLERANCE = 1e-6


def read_outcome(
    record: Mapping[str, Any],
    environment: str | None,
    part: str = "",
    rewards: Sequence[float] = (),
) -> tuple[float | None, bool | None]:
    """Return (score in [0, 1], success), each None where the record does not say.

    Null is unknown. An outer place counts before an inner one, a score before a list of rewards:
    those of steps add up, scores that rise are the last one's.

    Args:
        record: The record.
        environment: Decides a scale above 1; None if it is not known.
        part: ``chosen`` or ``rejected``: these have scores of their own.
        rewards: Those that the steps of the record state, in their order.

    Raises:
        RecordError: If a value is not an outcome, or its scale is not the environment's.
    """
    places = list(_places(record))
    score = success = None
    if part:
        names = [n for s in ("score", "reward", "rating") for n in (f"{part}{s}", f"{s}{part}")]
        score = _first(places, names, _number)
        if score is not None:
            return _scaled(score, environment, f"the {part} one's score"), None
        return None, None
    score = _first(places, _SCORES, _number)
    if score is None:
        score = _first(places, ("scores",), _last)
    if score is None:
        score = _first(places, ("rewards", "steprewards", "rewardlist"), _together)
    if score is None and rewards:
        score = _together("rewards of the steps", list(rewards))
    success = _first(places, _SUCCESSES, _yes_or_no)
    if success is None:
        success = _first(places, ("outcome", "result", "status"), _in_words)
    if score is not None:
        score = _scaled(score, environment, "the score")
    elif success is not None:
        score = float(success)
    return score, success if success is not None or score is None else score >= 1 - _TOLERANCE


def stated_score(record: Mapping[str, Any]) -> float | None:
    """Return the score that the fields of a record state, in its own scale; None without one."""
    try:
        return _first(list(_places(record)), _SCORES, _number)
    except RecordError:
        return None


_Place = Mapping[str, tuple[str, Any]]


def _places(record: Mapping[str, Any], where: str = "", depth: int = 0) -> Iterator[_Place]:
    """Yield the fields of a record, then of its places, as (name in messages, value) by name."""
    fields = _folded(record, where)
    yield fields
    for name in _PLACES if depth < 2 else ():
        called, inner = fields.get(name, ("", None))
        if isinstance(inner, list) and inner and isinstance(inner[-1], Mapping):
            inner = inner[-1]
        if isinstance(inner, Mapping):
            yield from _places(inner, f"{called}.", depth + 1)


def _folded(place: Mapping[str, Any], where: str) -> _Place:
    """Return fields by their names in small letters: ``meta.isSuccess`` is ``issuccess``."""
    folded: dict[str, tuple[str, Any]] = {}
    for key, value in place.items():
        name = re.sub("[^a-z]", "", str(key).rpartition(".")[2].lower())
        if value is not None and (name not in folded or "." not in str(key)):
            folded[name] = (f"{where}{key}", value)
    return folded


def _first(places: Sequence[_Place], names: Sequence[str], read: Any) -> Any:
    for place in places:
        for name in names:
            if name in place:
                found = read(*place[name])
                if found is not None:
                    return found
    return None


def _number(where: str, value: Any) -> float | None:
    if isinstance(value, list):
        return _together(where, value)
    if isinstance(value, Mapping):
        inner = value.get("score", value.get("reward", value.get("value", value.get("total"))))
        if inner is None or isinstance(inner, Mapping):
            raise RecordError(f"{where} is {short(value)}, not a number")
        return _number(where, inner)
    if isinstance(value, str):
        part, mark, whole = value.strip().removesuffix("%").partition("/")
        try:
            value = float(part) / (float(whole) if mark else 100 if "%" in value else 1)
        except (ValueError, ZeroDivisionError):
            raise RecordError(f"{where} is {short(value)}, not a number") from None
    if not isinstance(value, bool | int | float) or not math.isfinite(value):
        raise RecordError(f"{where} is {short(value)}, not a number")
    return float(value)


def _numbers(where: str, value: Any) -> list[float]:
    if not isinstance(value, list):
        single = _number(where, value)
        return [] if single is None else [single]
    read = [_number(f"{where}[{n}]", item) for n, item in enumerate(value) if item is not None]
    return [number for number in read if number is not None]


def _last(where: str, value: Any) -> float | None:
    numbers = _numbers(where, value)
    return numbers[-1] if numbers else None


def _together(where: str, value: Any) -> float | None:
    """Return what rewards of steps make: their sum, unless they are running scores that end so."""
    numbers = _numbers(where, value)
    if not numbers:
        return None
    total = sum(numbers)
    running = len(numbers) > 1 and numbers == sorted(numbers) and numbers[-2] > 0
    return numbers[-1] if running else total


def _in_words(where: str, value: Any) -> bool | None:
    word = value.strip().lower() if isinstance(value, str) else ""
    return word in _YES if word in _YES or word in _NO else None


def _yes_or_no(where: str, value: Any) -> bool | None:
    if isinstance(value, list) and value:
        value = value[-1]
    if isinstance(value, str):
        word = value.strip().lower()
        if word in _YES or word in _NO:
            return word in _YES
    elif isinstance(value, bool) or (isinstance(value, int | float) and value in (0, 1)):
        return bool(value)
    raise RecordError(f"{where} is {short(value)}, not true or false")


def _scaled(score: float, environment: str | None, what: str) -> float:
    """Return a score in [0, 1]: ScienceWorld counts to 100, and -100 after a wrong focus.

    verl-agent gives 10 for a game of ALFWorld that is won.
    """
    if environment == "scienceworld":
        score = max(0.0, score / 100 if score > 1 else score)
    elif environment == "alfworld" and score == 10:
        score = 1.0
    if score < -_TOLERANCE or score > 1 + _TOLERANCE:
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
