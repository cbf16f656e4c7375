"""Code that a model card tells its reader to run."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any


def run_snippet(card: str, folder: Path, **fill: Path) -> dict[str, Any]:
    """Run the code of a card and return its names.

    Args:
        card: The card's text.
        folder: The card's folder.
        fill: For each base model that the reader is to find, its folder.
    """
    (code,) = re.findall(r"```python\n(.*?)```", card, flags=re.DOTALL)
    code = code.replace("THIS FOLDER", str(folder))
    for name, place in fill.items():
        code = code.replace(f"FOLDER/OF/{name}", str(place))
    names: dict[str, Any] = {}
    exec(code, names)
    return names
