"""Translation of a game's PDDL to the SAS form that Fast Downward plays; kept on disk."""

from __future__ import annotations

import gzip
import hashlib
import json
import sys
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from fast_downward import pddl2sas

from tratree.errors import UserError
from tratree.files import write_atomically

_FORMAT = b"1"


@dataclass(frozen=True)
class Translation:
    """The engine's view of a PDDL problem.

    Attributes:
        sas: The problem in Fast Downward's SAS format.
        parameters: The parameter names of every action, without the question mark.
        facts: The atoms that hold at the start, as (predicate, argument, ...).
    """

    sas: str
    parameters: dict[str, list[str]]
    facts: list[list[str]]


def translate(domain: str, problem: str, cache_folder: Path) -> Translation:
    """Translate a PDDL problem, or find the translation in `cache_folder`.

    A file there is named by a hash of its input and appears whole or not at all; a damaged one is
    made again.

    Raises:
        UserError: If the PDDL is malformed or the folder can't be written.
    """
    key = hashlib.sha256(b"\0".join([_FORMAT, domain.encode(), problem.encode()])).hexdigest()
    path = cache_folder / f"{key}.json.gz"
    try:
        return Translation(**json.loads(gzip.decompress(path.read_bytes())))
    except (OSError, EOFError, zlib.error, ValueError, RecursionError, TypeError):
        translation = _translate(domain, problem)
    text = json.dumps(asdict(translation))
    try:
        write_atomically(path, [gzip.compress(text.encode(), compresslevel=1, mtime=0)])
    except OSError as error:
        raise UserError(
            f"can't write translated games to {cache_folder} ({error.strerror}); "
            "choose another cache folder or make room"
        ) from error
    return translation


def _translate(domain: str, problem: str) -> Translation:
    with _interpreter_state_kept():
        try:
            task, sas = pddl2sas(domain, problem)
        except (Exception, SystemExit) as error:
            if isinstance(error, SystemExit) and not isinstance(error.code, str):
                raise  # not the translator giving up, which says why, but a signal to leave
            reason = str(error).strip().split("\n")[0] or type(error).__name__
            raise UserError(
                f"the PDDL problem is cut or malformed ({reason}); make or download the game again"
            ) from error
    return Translation(
        sas=sas,
        parameters={action.name: _parameter_names(action) for action in task.actions},
        facts=[[a.predicate, *a.args] for a in task.init if _is_plain_atom(a)],
    )


def _parameter_names(action: Any) -> list[str]:
    """Return the declared parameters, without those of quantified variables."""
    declared = action.parameters[: action.num_external_parameters]
    return [parameter.name.lstrip("?") for parameter in declared]


def _is_plain_atom(item: Any) -> bool:
    return getattr(item, "predicate", "=") != "="


@contextmanager
def _interpreter_state_kept() -> Iterator[None]:
    """Undo what `pddl2sas` does to ``sys.argv`` and ``sys.stdout``."""
    arguments, output = sys.argv, sys.stdout
    try:
        yield
    finally:
        sys.argv, sys.stdout = arguments, output
