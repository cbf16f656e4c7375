"""Reading of small JSON and YAML files: whole, of the expected shape, or one line of error.

The shape is a type that pydantic checks strictly, such as a `TypedDict`: a text is no number. What
is returned is what the file holds; fields that the type does not name stay.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

from tratree.errors import UserError

_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")


def read_json(path: Path, shape: Any, advice: str, missing: str | None = None) -> Any:
    """Return the content of a JSON file.

    Args:
        path: The file.
        shape: The type that its content must have.
        advice: Ends the error: how to get a good file.
        missing: The error where there is no file.

    Raises:
        FileNotFoundError, NotADirectoryError: If there is no file, and `missing` says nothing.
        UserError: If it can't be read, or is not of that shape; names file and field.
    """
    return _read(path, parse_json, shape, advice, missing)


def read_yaml(path: Path, shape: Any, advice: str, missing: str | None = None) -> Any:
    """Return the content of a YAML file, as `read_json` does; an empty file is an empty mapping."""
    return _read(path, _parse_yaml, shape, advice, missing)


def read_json_lines(path: Path, shape: Any, advice: str, *, unfinished: bool = False) -> list[Any]:
    """Return the content of each line of a file of JSON lines, as `read_json` does.

    With `unfinished` the last line may be cut off by a kill; it is left out then.

    Returns:
        Nothing where there is no file.

    Raises:
        UserError: As `read_json`, with the number of the line.
    """
    try:
        lines = _text(path, advice).split("\n")
    except (FileNotFoundError, NotADirectoryError):
        return []
    rest = lines.pop()
    if rest and not unfinished:
        lines.append(rest)
    found = []
    for number, line in enumerate(lines, start=1):
        try:
            found.append(checked(parse_json(line), shape))
        except ValueError as error:
            raise UserError(f"line {number} of {path} is damaged ({error}): {advice}") from error
    return found


def parse_json(text: str | bytes) -> Any:
    """Return the data of a JSON text.

    Raises:
        ValueError: If it is not JSON, nested too deeply, or holds a number that is not finite or
            half of a letter, which no file can be written with.
    """
    try:
        data = json.loads(text, parse_constant=_refuse_constant)
    except RecursionError as error:
        raise ValueError("it is nested too deeply") from error
    if _SURROGATE.search(text if isinstance(text, str) else text.decode("utf-8", "replace")):
        try:
            json.dumps(data, ensure_ascii=False).encode()
        except UnicodeEncodeError as error:
            raise ValueError("it holds half of a letter (a lone surrogate)") from error
    return data


def checked(data: Any, shape: Any) -> Any:
    """Return `data` if it has the type `shape`.

    Raises:
        ValueError: If not; names the field, in one line.
    """
    from pydantic import ValidationError

    try:
        _adapter(shape).validate_python(data, strict=True)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        field = ".".join(map(str, first["loc"]))
        raise ValueError(f"{field}: {first['msg']}" if field else first["msg"]) from None
    except RecursionError as error:
        raise ValueError("it is nested too deeply") from error
    return data


@cache
def _adapter(shape: Any) -> Any:
    from pydantic import TypeAdapter  # here, because launchers of sweeps must start at once

    return TypeAdapter(shape)


def _read(
    path: Path, parse: Callable[[str], Any], shape: Any, advice: str, missing: str | None
) -> Any:
    try:
        text = _text(path, advice)
    except (FileNotFoundError, NotADirectoryError) as error:
        if missing is None:
            raise
        raise UserError(missing) from error
    try:
        return checked(parse(text), shape)
    except (ValueError, MemoryError) as error:
        raise UserError(f"{path} is damaged ({_one_line(error)}): {advice}") from error


def _text(path: Path, advice: str) -> str:
    try:
        return path.read_bytes().decode("utf-8-sig")
    except (FileNotFoundError, NotADirectoryError):
        raise
    except UnicodeDecodeError as error:
        raise UserError(f"{path} is damaged (it is not UTF-8 text): {advice}") from error
    except OSError as error:
        raise UserError(f"cannot read {path} ({error.strerror}): {advice}") from error


def _parse_yaml(text: str) -> Any:
    import yaml

    class PlainLoader(yaml.SafeLoader):
        def compose_node(self, parent: Any, index: Any) -> Any:
            if self.check_event(yaml.AliasEvent):  # a few of them expand to any amount of data
                raise yaml.MarkedYAMLError(problem="it has an alias")
            return super().compose_node(parent, index)

    try:
        document = yaml.load(text, PlainLoader)
        # Refuses dates, binary data, NaN, lone surrogates.
        json.dumps(document, allow_nan=False, ensure_ascii=False).encode()
    except TypeError as error:
        raise ValueError(str(error)) from error
    except (yaml.YAMLError, RecursionError) as error:
        problem = getattr(error, "problem", None) or "it is nested too deeply"
        mark = getattr(error, "problem_mark", None)
        raise ValueError(f"line {mark.line + 1}: {problem}" if mark else problem) from error
    return {} if document is None else document


def _refuse_constant(name: str) -> Any:
    raise ValueError(f"{name} is no number")


def _one_line(error: BaseException) -> str:
    return " ".join(str(error).split())[:300]
