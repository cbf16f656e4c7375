"""Files that are mangled, and what must come of it: they are read, or refused in one line."""

from __future__ import annotations

import copy
import io
import json
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from tratree.errors import UserError

CORPUS = Path(__file__).parent / "corpus"

HOSTILE: tuple[Any, ...] = (
    *(None, True, -1, 0, 7, 1.5, -0.5, 1e308, 2**70, "", "abc", "$x^$", "../../x", "\ud800", "\n"),
    *([], {}, [[]], {"": None}, [1, "a"], {"a": {"b": 1}}, "NaN", "<script>"),
)


_TEXTS = (".json", ".jsonl", ".yaml", ".tw-pddl")


@dataclass(frozen=True)
class Reader:
    """A command or function that reads a file of others.

    Attributes:
        name: Of the reader and its file.
        file: File that is mangled, in the folder that `prepare` fills.
        read: Reads the folder as the commands do.
    """

    name: str
    file: str
    read: Callable[[Path], object]


def fault(reader: Reader, folder: Path, content: bytes) -> str | None:
    """Let a reader read `content` in place of its file; return what is wrong with its answer."""
    path = folder / reader.file
    good = path.read_bytes()
    try:
        path.write_bytes(content)
        reader.read(folder)
    except UserError as error:
        return None if len(str(error).splitlines()) == 1 else f"several lines: {error}"
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    finally:
        path.write_bytes(good)
    return None


def corpus() -> list[bytes]:
    """Return contents that no reader may stumble over."""
    return [path.read_bytes() for path in sorted(CORPUS.iterdir())]


def mangled(reader: Reader, folder: Path, chance: random.Random) -> bytes:
    """Return the reader's good file with something in it replaced, or bytes of it changed."""
    good = (folder / reader.file).read_bytes()
    if not reader.file.endswith(_TEXTS) or chance.random() < 0.2:
        return _bytes_changed(good, chance)
    if reader.file.endswith(".yaml"):
        document = _value_replaced(yaml.safe_load(good), chance)
        out = io.StringIO()
        yaml.safe_dump(document, out, allow_unicode=True)
        return out.getvalue().encode("utf-8", "surrogatepass")
    texts = good.splitlines() if reader.file.endswith(".jsonl") else [good]
    lines = [json.loads(text) for text in texts]
    number = chance.randrange(len(lines))
    lines[number] = _value_replaced(lines[number], chance)
    return "".join(json.dumps(line) + "\n" for line in lines).encode()


def _bytes_changed(good: bytes, chance: random.Random) -> bytes:
    start = chance.randrange(len(good))
    end = min(len(good), start + chance.choice([1, 1, 4, 64]))
    put = chance.choice([b"", bytes(end - start), b"\xff", chance.randbytes(end - start), good[:9]])
    return good[:start] + put + good[end:]


def _value_replaced(document: Any, chance: random.Random) -> Any:
    document = copy.deepcopy(document)
    places = list(_places(document))
    if not places:
        return chance.choice(HOSTILE)
    holder, key = chance.choice(places)
    if isinstance(holder, dict) and chance.random() < 0.2:
        del holder[key]
    else:
        holder[key] = chance.choice(HOSTILE)
    return document


def _places(document: Any) -> Iterator[tuple[Any, Any]]:
    keys: Any = range(len(document)) if isinstance(document, list) else document
    for key in keys if isinstance(document, dict | list) else ():
        yield document, key
        yield from _places(document[key])
