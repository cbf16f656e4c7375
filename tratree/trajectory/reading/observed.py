"""Observations without what a program has put around them: a label, a tag, an object."""

from __future__ import annotations

import re
from collections.abc import Mapping

from tratree.trajectory.reading.values import field_name, unpacked
from tratree.trajectory.words import words

_LABEL = re.compile(
    r"\s*[*_#]{0,3}obs(?:ervation)?[ \t]*\d*[*_]{0,3}[:：][*_]{0,3}\s*", re.IGNORECASE
)
_TAG = re.compile(
    r"\s*<(observation|obs|tool_response|tool_result|information|env_feedback)>(.*)</\1>\s*",
    re.IGNORECASE | re.DOTALL,
)
_FIELDS = words("observation obs next_observation output result response feedback content text")


def observed(text: str) -> str:
    """Return an observation as its environment gave it.

    >>> observed("Observation 2: You see a cup.")
    'You see a cup.'
    >>> observed('{"observation": "You see a cup.", "reward": 0}')
    'You see a cup.'
    """
    tagged = _TAG.fullmatch(text)
    inner = tagged[2].strip() if tagged else text
    told = unpacked(inner)
    if isinstance(told, Mapping):
        fields = {field_name(key): value for key, value in told.items()}
        inner = next((fields[n] for n in _FIELDS if isinstance(fields.get(n), str)), inner)
    return _LABEL.sub("", inner, count=1) if _LABEL.match(inner) else inner
