"""The outcome that a record states, wherever it is and in whatever scale."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from tratree.trajectory.reading.outcome_names import (
    CUT,
    ENDED,
    FAILURE,
    MAYBE,
    MOST,
    OTHER_SCORE,
    OTHERWISE,
    REASON,
    RUNNING,
    SCORE,
    SUCCESS,
    VERDICT,
    WON,
)
from tratree.trajectory.reading.outcome_places import Place, first_told, last_turns, places_of
from tratree.trajectory.reading.outcome_values import (
    TOLERANCE,
    are_rising,
    as_number,
    as_numbers,
    cut_short,
    fraction,
    in_text,
    in_words,
    scaled,
    yes_or_no,
)
from tratree.trajectory.reading.record_error import RecordError


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
        return Outcome(score, None if score is None else score >= 1 - TOLERANCE)
    places = list(places_of(record))
    steps = [place for step in last_turns(record) for place in places_of(step)]
    score, success, said = first_told(places, SCORE, as_number), _flag(places), _verdict(places)
    added = first_told(places, SCORE, as_numbers) or []
    if score is None:
        score = first_told(steps, RUNNING, as_number)
    if score is None and rewards:
        score, added = as_number("rewards of the steps", list(rewards)), list(rewards)
    if score is None and success is None:
        score, success = first_told(steps, SCORE, as_number), _flag(steps)
        said = _verdict(steps) if said is None else said
    if score is None and success is None:
        success = said
    if score is None and success is None:
        score = first_told(places, VERDICT, fraction)
        ended = first_told([*places, *steps], ENDED, in_words)
        unsolved = ended is False or _is_cut([*places, *steps])
        success = False if score is None and unsolved else None
    doubt = ""
    if score is None and success is None:
        score, doubt = _other_score(places)
    most = first_told(places, MOST, as_number)
    if score is not None:
        score /= most if most is not None and most > 1 else 1
        won = success or said or first_told(steps, WON, in_words)
        score = scaled(score, environment, "the score", solved=bool(won))
    elif success is not None:
        score = float(success)
    if success is None and score is not None:  # a word says no success beside a lower score
        success = score >= 1 - TOLERANCE and said is not False
    return Outcome(score, success, doubt or _doubt(places, score, added))


def _other_score(places: Sequence[Place]) -> tuple[float | None, str]:
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


def _doubt(places: Sequence[Place], score: float | None, added: Sequence[float]) -> str:
    """Return what people should know of how an outcome was read, or was not."""
    if score is not None:
        either = are_rising(added) and sum(added) <= (1 if added[-1] <= 1 else 100) + TOLERANCE
        return "scores that are the last of rewards that rise: their sum, if they add up" * either
    for place in places:
        for name, (where, value) in place.items():
            if MAYBE.match(name) and isinstance(value, int | float) and 0 <= value <= 1:
                return f"without a score, though {where} may be one: name it `score` if it is"
    return ""


def _flag(places: Sequence[Place]) -> bool | None:
    """Return what a record calls success, or its failure."""
    success = first_told(places, SUCCESS, yes_or_no)
    failure = first_told(places, FAILURE, yes_or_no) if success is None else None
    return success if failure is None else not failure


def _verdict(places: Sequence[Place]) -> bool | None:
    """Return what a record says of its outcome in words, or under a name that may be one's."""
    success = first_told(places, VERDICT, in_words)
    if success is None:
        success = first_told(places, REASON, in_text)
    return success if success is not None else first_told(places, OTHERWISE, in_words)


def _is_cut(places: Sequence[Place]) -> bool:
    """Return whether a record says that its episode ended at a limit, or was given up."""
    texts = (first_told(places, names, cut_short) for names in (REASON, VERDICT))
    return any((first_told(places, CUT, in_words), *texts))


def _of_part(record: Mapping[str, Any], environment: str | None, part: str) -> float | None:
    name = re.compile(rf"{part}(?:{SCORE.pattern}|rating)|(?:{SCORE.pattern}|rating){part}")
    score = first_told(list(places_of(record)), name, as_number)
    own = record.get(part)
    if score is None and isinstance(own, Mapping):
        score = first_told(list(places_of(own)), SCORE, as_number)
    return None if score is None else scaled(score, environment, f"the {part} one's score")


def stated_success(record: Mapping[str, Any]) -> bool | None:
    """Return whether a record says that its task was solved; None if it does not say."""
    try:
        return _flag(list(places_of(record)))
    except RecordError:
        return None


def stated_score(record: Mapping[str, Any]) -> float | None:
    """Return the score that the fields of a record state, in its own scale; None without one."""
    try:
        return first_told(list(places_of(record)), SCORE, as_number)
    except RecordError:
        return None
