"""Declaring settings."""

from __future__ import annotations

from dataclasses import KW_ONLY, asdict, replace
from typing import Annotated, Literal

import pytest
from pydantic import Field

from tratree.errors import UserError
from tratree.settings import (
    Count,
    Share,
    declared_settings,
    defaults,
    plain,
    read_settings,
    settings,
)


@settings
class Bark:
    """A part."""

    rough: Share = 0.5
    """Degree of roughness."""


@settings
class Oak(Bark):
    """A tree."""

    _: KW_ONLY

    rings: Count
    """Years."""

    leaves: Literal["green", "brown"] | None = "green"
    """Their colour."""

    names: Annotated[tuple[str, ...], Field(min_length=1)] = ("oak",)
    """Its names."""

    bark: Bark = Bark()
    """Its bark."""

    def __post_init__(self) -> None:
        if self.rings == 13:
            raise ValueError("rings=13: wait a year")


OAK = {"rough": 0.5, "rings": 3, "leaves": "green", "names": ["oak"], "bark": {"rough": 0.5}}


def test_settings_are_read_from_plain_data_and_given_back() -> None:
    oak = read_settings(Oak, {"rings": 3, "rough": 1, "bark": {"rough": 0}}, "oak")
    assert oak == Oak(rings=3, rough=1.0, bark=Bark(rough=0.0))
    assert isinstance(oak.rough, float)
    assert plain(Oak(rings=3)) == OAK
    assert asdict(oak)["names"] == ("oak",)
    with pytest.raises(AttributeError):
        oak.rings = 4  # type: ignore[misc]


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({}, "oak.rings is not set: give it a whole number from 1 to 1,000,000,000"),
        ({"rings": 0}, "oak.rings=0 is not possible: it must be a whole number from 1"),
        ({"rings": 2.5}, "oak.rings=2.5 is not possible"),
        ({"rings": "2"}, "oak.rings=2 is not possible"),
        ({"rings": True}, "oak.rings=True is not possible"),
        ({"rings": 1, "ruogh": 1}, "oak.ruogh is no setting: did you mean oak.rough?"),
        ({"rings": 1, "zzz": 1}, "oak.zzz is no setting: use one of oak.rough, oak.rings, "),
        (
            {"rings": 1, "leaves": "gren"},
            "one of green, brown or null; did you mean green?",
        ),
        ({"rings": 1, "names": []}, "a list of at least one, each text"),
        ({"rings": 1, "names": "oak"}, "oak.names=oak is not possible"),
        ({"rings": 1, "names": [{}]}, "oak.names.0={} is not possible: it must be text"),
        ({"rings": 1, "bark": {"rough": 2}}, "oak.bark.rough=2 is not possible: it must be a fin"),
        ({"rings": 1, "bark": 3}, "oak.bark=3 is not possible: it must be a group of keys (rough)"),
        ({"rings": 13}, "oak.rings=13: wait a year"),
        (None, "oak=null is not possible: it must be a group of keys"),
    ],
)
def test_a_wrong_value_is_one_line_with_its_key(values: object, said: str) -> None:
    with pytest.raises(UserError) as error:
        read_settings(Oak, values, "oak")
    assert str(error.value).startswith(said) or said in str(error.value)
    assert "\n" not in str(error.value)


def test_all_that_is_wrong_is_said_at_once() -> None:
    with pytest.raises(UserError, match=r"^oak.rings=0 .*; oak.leaves=red .*$"):
        read_settings(Oak, {"rings": 0, "leaves": "red"}, "oak")


def test_an_object_is_checked_when_it_is_made_or_changed() -> None:
    with pytest.raises(UserError, match=r"^rings=0 is not possible"):
        Oak(rings=0)
    with pytest.raises(UserError, match=r"^rings=13: wait a year$"):
        replace(Oak(rings=3), rings=13)


def test_what_is_declared_is_known() -> None:
    assert defaults(Oak) == {**OAK, "rings": "???"}
    found = {setting.key: setting for setting in declared_settings(Oak, "oak.")}
    assert list(found) == ["oak.rough", "oak.rings", "oak.leaves", "oak.names", "oak.bark.rough"]
    assert found["oak.rough"].meaning == found["oak.bark.rough"].meaning == "Degree of roughness."
    assert found["oak.rings"].meaning == "Years."
    assert found["oak.rings"].default == "???"
