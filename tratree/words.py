"""Numbers, paths and likely names in lines that people read."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches
from pathlib import Path


def counted(number: int, noun: str, plural: str = "") -> str:
    """Return a number with its noun, such as "1 tree" or "2 trees".

    Args:
        number: Of what `noun` names.
        noun: Its singular.
        plural: Its plural, if that is not the singular with an s.
    """
    return f"{number:,} {noun if number == 1 else plural or f'{noun}s'}"


def from_here(path: Path) -> Path:
    """Return a path as it is called in the current folder, if it is below that."""
    here = Path.cwd()
    return path.relative_to(here) if path.is_relative_to(here) else path


def nearest(name: str, known: Iterable[str]) -> str:
    """Return the question whether the nearest of the known names was meant, or nothing."""
    found = get_close_matches(name, list(known), n=1, cutoff=0.65)
    return f": did you mean {found[0]}?" if found else ""
