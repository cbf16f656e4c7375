"""The outcome that a record states, wherever it is and in whatever scale."""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple, TypeVar

from tratree.trajectory.reading.outcome_names import (
    CUT,
    CUT_SHORT,
    ENDED,
    FAILURE,
    FEW_WORDS,
    MAYBE,
    MOST,
    NO,
    NO_PLACES,
    NOT,
    OF_A_PROGRAM,
    OTHER_SCORE,
    OTHERWISE,
    PLAIN,
    REASON,
    RUNNING,
    SCORE,
    SETTINGS,
    SUCCESS,
    UNKNOWN,
    VERDICT,
    WITHIN_SCORE,
    WON,
    YES,
)
from tratree.trajectory.reading.record_error import RecordError
from tratree.trajectory.reading.roles import is_message
from tratree.trajectory.reading.step_fields import is_step
from tratree.trajectory.reading.values import unpacked
from tratree.trajectory.types import short

_TOLERANCE = 1e-6
_DEEPEST = 5

_Place = Mapping[str, tuple[str, Any]]
_Outcome = TypeVar("_Outcome", bool, float, list[float])


class Outcome(NamedTuple):
    """The outcome of an episode.

    Attributes:
        score: In [0, 1]; None where the record does not say.
        success: Whether the task was solved; None where the record does not say.
        doubt: Remark on how it was read, or was not; empty if it is plain.
    """

    score: float | None
    success: bool | None
    doubt: str = ""


def read_outcome(
    record: Mapping[str, Any],
    environment: str | None,
    part: str = "",
    rewards: Sequence[float] = (),
) -> Outcome:
    """Return the outcome that a record states.

    Null is unknown. An outer place counts before an inner one. Rewards of steps add up, scores
    that rise are the last one's.

    Args:
        record: The record.
        environment: Decides a scale above 1; None if it is not known.
        part: ``chosen`` or ``rejected``: these have scores of their own.
        rewards: Those that the steps of the record state, in their order.

    Raises:
        RecordError: If a value is not an outcome, or its scale is not the environment's.
    """
    if part:
        score = _of_part(record, environment, part)
        return Outcome(score, None if score is None else score >= 1 - _TOLERANCE)
    places = list(_places(record))
    steps = [place for step in _last_step(record) for place in _places(step)]
    score, success, said = _first(places, SCORE, _number), _flag(places), _verdict(places)
    added = _first(places, SCORE, _numbers) or []
    if score is None:
        score = _first(steps, RUNNING, _number)
    if score is None and rewards:
        score, added = _number("rewards of the steps", list(rewards)), list(rewards)
    if score is None and success is None:
        score, success = _first(steps, SCORE, _number), _flag(steps)
        said = _verdict(steps) if said is None else said
    if score is None and success is None:
        success = said
    if score is None and success is None:
        score = _first(places, VERDICT, _fraction)
        ended = _first([*places, *steps], ENDED, _in_words)
        unsolved = ended is False or _is_cut([*places, *steps])
        success = False if score is None and unsolved else None
    doubt = ""
    if score is None and success is None:
        score, doubt = _other_score(places)
    most = _first(places, MOST, _number)
    if score is not None:
        score /= most if most is not None and most > 1 else 1
        won = success or said or _first(steps, WON, _in_words)
        score = _scaled(score, environment, "the score", solved=bool(won))
    elif success is not None:
        score = float(success)
    if success is None and score is not None:  # a word says no success beside a lower score
        success = score >= 1 - _TOLERANCE and said is not False
    return Outcome(score, success, doubt or _doubt(places, score, added))


def _other_score(places: Sequence[_Place]) -> tuple[float | None, str]:
    """Return what the outermost other scores all say, such as ``verifier_reward``, and a remark."""
    for place in places:
        found = {
            where: float(value)
            for name, (where, value) in place.items()
            if OTHER_SCORE.fullmatch(name) and type(value) in (int, float) and 0 <= value <= 1
        }
        if len(set(found.values())) == 1:
            where, score = found.popitem()
            return score, f"scores read from {where}: name another field `score` if that counts"
    return None, ""


def _doubt(places: Sequence[_Place], score: float | None, added: Sequence[float]) -> str:
    """Return what people should know of how an outcome was read, or was not."""
    if score is not None:
        either = _rise(added) and sum(added) <= (1 if added[-1] <= 1 else 100) + _TOLERANCE
        return "scores that are the last of rewards that rise: their sum, if they add up" * either
    for place in places:
        for name, (where, value) in place.items():
            if MAYBE.match(name) and isinstance(value, int | float) and 0 <= value <= 1:
                return f"without a score, though {where} may be one: name it `score` if it is"
    return ""


def _flag(places: Sequence[_Place]) -> bool | None:
    """Return what a record calls success, or its failure."""
    success = _first(places, SUCCESS, _yes_or_no)
    failure = _first(places, FAILURE, _yes_or_no) if success is None else None
    return success if failure is None else not failure


def _verdict(places: Sequence[_Place]) -> bool | None:
    """Return what a record says of its outcome in words, or under a name that may be one's."""
    success = _first(places, VERDICT, _in_words)
    if success is None:
        success = _first(places, REASON, _in_text)
    return success if success is not None else _first(places, OTHERWISE, _in_words)


def _is_cut(places: Sequence[_Place]) -> bool:
    """Return whether a record says that its episode ended at a limit, or was given up."""
    if _first(places, CUT, _in_words):
        return True
    told = [
        str(value).lower().replace("_", " ")
        for place in places
        for name, (_, value) in place.items()
        if isinstance(value, str) and (REASON.fullmatch(name) or VERDICT.fullmatch(name))
    ]
    return any(
        len(said.split()) <= FEW_WORDS and CUT_SHORT.search(said) and YES.isdisjoint(said.split())
        for said in told
    )


def _of_part(record: Mapping[str, Any], environment: str | None, part: str) -> float | None:
    name = re.compile(rf"{part}(?:{SCORE.pattern}|rating)|(?:{SCORE.pattern}|rating){part}")
    score = _first(list(_places(record)), name, _number)
    own = record.get(part)
    if score is None and isinstance(own, Mapping):
        score = _first(list(_places(own)), SCORE, _number)
    return None if score is None else _scaled(score, environment, f"the {part} one's score")


def stated_score(record: Mapping[str, Any]) -> float | None:
    """Return the score that the fields of a record state, in its own scale; None without one."""
    try:
        return _first(list(_places(record)), SCORE, _number)
    except RecordError:
        return None


def stated_success(record: Mapping[str, Any]) -> bool | None:
    """Return whether a record says that its task was solved; None if it does not say."""
    try:
        return _flag(list(_places(record)))
    except RecordError:
        return None


def _places(record: Mapping[str, Any]) -> Iterator[_Place]:
    """Yield the fields of a record, then of objects in it, as (name in messages, value) by name."""
    level = [("", record)]
    for _ in range(_DEEPEST):
        inner = []
        for where, place in level:
            yield _folded(place, where)
            for key, value in place.items():
                value = unpacked(value)
                value = _by_name(value)
                last = value[-1] if isinstance(value, list) and value else value
                listed = last is not value and (is_step(last) or is_message(last))
                if isinstance(last, Mapping) and not listed and not _is_no_place(key):
                    inner.append((f"{where}{key}.", last))
        level = inner


def _by_name(value: Any) -> Any:
    """Return a list of names and their values as an object, and of a program's runs the first."""
    if not isinstance(value, list) or not value or not all(isinstance(v, Mapping) for v in value):
        return value
    for name, told in itertools.product(("name", "metric", "key"), ("value", "result", "score")):
        if all({name, told} <= item.keys() for item in value):
            return {str(item[name]): item[told] for item in value}
    runs = all(not OF_A_PROGRAM.isdisjoint(item) for item in value[1:])
    return value[0] if runs and len(value) > 1 else value


def _is_no_place(key: Any) -> bool:
    name = _letters(key)
    return name in NO_PLACES or name.endswith(SETTINGS)


def _last_step(record: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Return the last item of each list of steps or messages."""
    lasts = [value[-1] for value in record.values() if isinstance(value, list) and value]
    turns = [last for last in lasts if is_step(last) or is_message(last)]
    return [{k: v for k, v in turn.items() if k != "status"} for turn in turns]


def _folded(place: Mapping[str, Any], where: str) -> _Place:
    """Return fields by their names in small letters: ``meta.isSuccess`` is ``issuccess``."""
    folded: dict[str, tuple[str, Any]] = {}
    of_a_program = not OF_A_PROGRAM.isdisjoint(place)
    for key, value in place.items():
        if key == "status" and of_a_program:
            continue
        name = _letters(re.split(r"[./]", str(key))[-1])
        unknown = isinstance(value, str) and value.strip().lower() in UNKNOWN
        if (
            value not in (None, [])
            and not unknown
            and (name not in folded or name == _letters(key))
        ):
            folded[name] = (f"{where}{key}", unpacked(value))
    return folded


def _letters(key: Any) -> str:
    return re.sub("[^a-z]", "", str(key).lower())


def _first(
    places: Sequence[_Place], names: re.Pattern[str], read: Callable[[str, Any], _Outcome | None]
) -> _Outcome | None:
    """Return what the outermost place says under one of the names, the plainest first."""
    for place in places:
        for name in sorted(
            filter(names.fullmatch, place), key=lambda n: ("score" not in n, len(n))
        ):
            found = read(*place[name])
            if found is not None:
                return found
    return None


def _number(where: str, value: Any) -> float | None:
    if isinstance(value, list):
        read = [_number(f"{where}[{n}]", item) for n, item in enumerate(value) if item is not None]
        return _together(where, [number for number in read if number is not None])
    if isinstance(value, Mapping):
        inner = [_folded(value, f"{where}.")]
        found = _first(inner, WITHIN_SCORE, _number)
        return _only(where, value) if found is None else found
    said = _in_words(where, value)
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
        _number(f"{where}.{name}", value)
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
    return numbers[-1] if _rise(numbers) or "score" in where.lower() else sum(numbers)


def _rise(numbers: Sequence[float]) -> bool:
    return len(numbers) > 1 and list(numbers) == sorted(numbers) and numbers[-2] > 0


def _numbers(where: str, value: Any) -> list[float]:
    """Return the numbers of a list that may add up."""
    added = isinstance(value, list) and "score" not in where.lower()
    return [float(n) for n in value if isinstance(n, int | float)] if added else []


def _fraction(where: str, value: Any) -> float | None:
    """Return an outcome that is a number; a status of 0 is that of a program that ended well."""
    number = isinstance(value, int | float) and (isinstance(value, bool) or "status" not in where)
    return float(value) if number and 0 <= value <= 1 else None


def _in_words(where: str, value: Any) -> bool | None:
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


def _in_text(where: str, value: Any) -> bool | None:
    return _in_words(where, value) if isinstance(value, str) else None


def _yes_or_no(where: str, value: Any) -> bool | None:
    if isinstance(value, list) and value:
        value = value[-1]
    if isinstance(value, int | float) and value in (0, 1):
        value = bool(value)
    said = _in_words(where, value)
    if said is None:
        raise RecordError(f"{where} is {short(value)}, not true or false")
    return said


def _scaled(score: float, environment: str | None, what: str, *, solved: bool = False) -> float:
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
