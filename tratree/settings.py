"""Declaring settings: a class for each group, whose fields have type, range, default and meaning.

    @settings
    class TreeSettings:
        \"\"\"``tree=…``: how trajectories are merged.\"\"\"

        xi_sim: Share = 0.9
        \"\"\"Observations are alike if the cosine of their vectors is at least this.\"\"\"

A setting is declared there and nowhere else: the configuration is composed of such classes
(`tratree.config`), and the functions of the room take their objects. The text under a field says
what it means, in which unit, and where its default comes from; ``tratree settings`` shows it.
Nothing heavy is imported here.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import MISSING, asdict, fields, is_dataclass
from functools import wraps
from types import NoneType, UnionType
from typing import (
    Annotated,
    Any,
    Literal,
    NamedTuple,
    TypeVar,
    Union,
    dataclass_transform,
    get_args,
    get_origin,
    get_type_hints,
)

from pydantic import ConfigDict, Field, TypeAdapter, ValidationError
from pydantic.dataclasses import dataclass
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails, to_jsonable_python

from tratree.errors import UserError
from tratree.words import nearest

Whole = Annotated[int, Field(strict=True, ge=0, le=10**9)]
"""A whole number from 0."""

Count = Annotated[int, Field(strict=True, ge=1, le=10**9)]
"""A whole number from 1."""

Few = Annotated[int, Field(strict=True, ge=1, le=1024)]
"""Processes, threads, devices or rounds."""

Real = Annotated[float, Field(strict=True)]
"""A finite number; whole ones are taken, too."""

Positive = Annotated[float, Field(strict=True, gt=0)]
"""A number above 0."""

NotNegative = Annotated[float, Field(strict=True, ge=0)]
"""A number from 0."""

Share = Annotated[float, Field(strict=True, ge=0, le=1)]
"""A number from 0 to 1."""

Text = Annotated[str, Field(min_length=1)]
"""Text that is not empty: a name, a path, an address."""

Seed = Annotated[int, Field(strict=True, ge=0, lt=2**64)]
"""Seed of the random numbers."""

_RULES = ConfigDict(
    extra="forbid",
    allow_inf_nan=False,
    coerce_numbers_to_str=True,
    use_attribute_docstrings=True,
)
_Class = TypeVar("_Class", bound=type)
_Object = TypeVar("_Object")


@dataclass_transform(frozen_default=True)
def settings(cls: _Class) -> _Class:
    """Make a class a frozen dataclass whose values are checked when an object is made.

    A wrong value is a `UserError` of one line. A ``__post_init__`` may check what must go together,
    and raise a `ValueError` whose text says what to do; it may begin with the name of a field.
    """
    made: Any = dataclass(frozen=True, config=_RULES)(cls)
    checked = made.__init__

    @wraps(checked)
    def init(self: Any, *arguments: Any, **named: Any) -> None:
        try:
            checked(self, *arguments, **named)
        except ValidationError as error:
            raise UserError(in_one_line(type(self), error)) from None

    made.__init__ = init
    result: _Class = made
    return result


def read_settings(cls: type[_Object], values: Any, key: str) -> _Object:
    """Return the settings of a class, given as nested dictionaries.

    `key` is their place in the configuration, such as ``env``, for messages.

    Raises:
        UserError: If a key is unknown or missing, or a value is not possible.
    """
    try:
        return TypeAdapter(cls).validate_python(values)
    except ValidationError as error:
        raise UserError(in_one_line(cls, error, key)) from None


def plain(settings: Any) -> dict[str, Any]:
    """Return settings as nested dictionaries of JSON data."""
    # Not the settings themselves: of a plug-in's class in them, only declared keys would be there.
    found: dict[str, Any] = to_jsonable_python(asdict(settings))
    return found


def defaults(cls: type) -> dict[str, Any]:
    """Return a class's defaults as nested dictionaries, with ``???`` where a value must be set."""
    found: dict[str, Any] = {}
    for name, hint, default in _declared(cls):
        if default is not MISSING:
            found[name] = to_jsonable_python(default)
        elif is_dataclass(hint):
            found[name] = defaults(_dataclass_in(hint))
        else:
            found[name] = "???"
    return found


class Setting(NamedTuple):
    """One setting, as it is declared.

    Attributes:
        key: Its dotted key in the configuration.
        values: Possible values, in words.
        default: Its default; ``???`` if it must be set.
        owner: The class that has it.
    """

    key: str
    values: str
    default: Any
    owner: type

    @property
    def meaning(self) -> str:
        """The text under its field, in its class or the one that has declared it."""
        name = self.key.rpartition(".")[2]
        declaring: Any = next(c for c in self.owner.__mro__ if name in inspect.get_annotations(c))
        return declaring.__pydantic_fields__[name].description or ""


def declared_settings(cls: type, prefix: str = "") -> Iterator[Setting]:
    """Yield every setting of a class and of the classes in it."""
    values = defaults(cls)
    for name, hint, _ in _declared(cls):
        if is_dataclass(hint):
            yield from declared_settings(_dataclass_in(hint), f"{prefix}{name}.")
        else:
            yield Setting(f"{prefix}{name}", _values(hint), values[name], cls)


def in_one_line(cls: type, error: ValidationError, key: str = "") -> str:
    """Put all that is wrong with the values of a class, whose place is `key`, into one line."""
    details = error.errors(include_url=False)
    within = {detail["loc"][:n] for detail in details for n in range(len(detail["loc"]))}
    told = [_describe(cls, detail, key) for detail in details if detail["loc"] not in within]
    return "; ".join(dict.fromkeys(told))


def _describe(cls: type, detail: ErrorDetails, key: str) -> str:
    hint, path = _follow(cls, detail["loc"])
    where = ".".join([*filter(None, [key]), *path])
    kind, value = detail["type"], _shown(detail["input"])
    if kind == "value_error":
        text = str(detail["ctx"]["error"])
        names_a_field = text.split("=")[0].split()[0] in [name for name, _, _ in _declared(hint)]
        return f"{where}{'.' if names_a_field else ': '}{text}" if where else text
    if kind in ("unexpected_keyword_argument", "unexpected_positional_argument"):
        here = ".".join([*filter(None, [key]), *path[:-1]])
        names = [f"{here}.{name}".lstrip(".") for name, _, _ in _declared(hint)]
        return f"{where} is no setting{nearest(where, names) or f': use one of {_list(names)}'}"
    if kind == "missing":
        return f"{where} is not set: give it {_values(hint)}"
    suggested = nearest(value, _choices(hint)).replace(":", ";")
    return f"{where}={value} is not possible: it must be {_values(hint)}{suggested}"


def _follow(cls: Any, loc: Sequence[int | str]) -> tuple[Any, list[str]]:
    """Return the type at a place, and its path; the class itself for an unknown key."""
    hint, path = cls, []
    for part in loc:
        inside = _dataclass_in(hint)
        if isinstance(part, int):
            path.append(str(part))
            hint = next((a for a in get_args(_required(hint)) if a is not Ellipsis), hint)
        elif inside is not None:
            path.append(part)
            hint = get_type_hints(inside, include_extras=True).get(part, inside)
        elif get_origin(_required(hint)) is dict:
            path.append(part)
        else:  # a branch of a union
            break
    return hint, path


def _required(hint: Any) -> Any:
    if get_origin(hint) is Annotated:
        return _required(get_args(hint)[0])
    if get_origin(hint) in (Union, UnionType):
        return _required(next(a for a in get_args(hint) if a is not NoneType))
    return hint


def _dataclass_in(hint: Any) -> Any:
    found = _required(hint)
    return found if is_dataclass(found) else None


def _choices(hint: Any) -> list[str]:
    if get_origin(hint) is Literal:
        return [str(choice) for choice in get_args(hint)]
    return [name for part in get_args(hint) for name in _choices(part)]


def _declared(cls: Any) -> Iterator[tuple[str, Any, Any]]:
    """Yield (name, type, default or MISSING) of each field."""
    hints = get_type_hints(cls, include_extras=True)
    for declared in fields(cls):
        default = declared.default
        if isinstance(default, FieldInfo):
            default = MISSING
        if declared.default_factory is not MISSING and not is_dataclass(hints[declared.name]):
            default = declared.default_factory()
        yield declared.name, hints[declared.name], default


_NAMES: Mapping[Any, str] = {
    int: "a whole number",
    float: "a finite number",
    bool: "true or false",
    str: "text",
    NoneType: "null",
    Any: "anything",
}


def _values(hint: Any, limits: Sequence[Any] = ()) -> str:
    """Say which values a type has, in words."""
    origin, inner = get_origin(hint), get_args(hint)
    if origin is Annotated:
        more = [m for data in inner[1:] for m in getattr(data, "metadata", [data])]
        return _values(inner[0], [*limits, *more])
    if origin in (Union, UnionType):
        return " or ".join(_values(part, limits) for part in inner)
    if origin is Literal:
        return f"one of {_list(map(str, inner))}" if len(inner) > 1 else str(inner[0])
    if origin is tuple:
        some = "list of at least one, each" if _limit(limits, "min_length") else "list, each"
        return f"a {some} {_values(inner[0])}"
    if origin is dict:
        return f"a group of names, each with {_values(inner[1])}"
    if is_dataclass(hint):
        return f"a group of keys ({_list(name for name, _, _ in _declared(hint))})"
    return f"{_NAMES[hint]}{_range(limits)}"


def _limit(limits: Sequence[Any], name: str) -> Any:
    return next((v for m in limits if (v := getattr(m, name, None)) is not None), None)


def _range(limits: Sequence[Any]) -> str:
    ge, gt, le, lt = (_limit(limits, name) for name in ("ge", "gt", "le", "lt"))
    if most := _limit(limits, "max_length"):
        return f" of at most {most} letters"
    if _limit(limits, "min_length"):
        return " of at least one letter"
    low = f" from {ge:,}" if ge is not None else f" above {gt:,}" if gt is not None else ""
    if le is not None:
        return f"{low} to {le:,}" if ge is not None else f"{low}, at most {le:,}"
    return f"{low} to below {lt:,}" if lt is not None else low


def _list(names: Iterable[str]) -> str:
    return ", ".join(names)


def _shown(value: Any) -> str:
    if value is None:
        return "null"
    text = " ".join(str(value).split())
    return text if len(text) <= 60 else f"{text[:60]}…"
