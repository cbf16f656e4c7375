"""The folder of public data that is too large to ship."""

from __future__ import annotations

import os
from pathlib import Path

VARIABLE = "TRATREE_DATA"


def external_data(name: str) -> Path | None:
    """Return a folder or file of the external data, or None where it is not there.

    The data are in the folder that the environment variable ``TRATREE_DATA`` names; without it,
    in ``../shared/data`` beside the checkout.
    """
    beside_checkout = Path(__file__).resolve().parents[2] / "shared" / "data"
    path = Path(os.environ.get(VARIABLE) or beside_checkout) / name
    return path if path.exists() else None
