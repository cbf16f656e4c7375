"""The package `alfworld`, imported without its side effect.

Importing `alfworld` creates the folder that ``ALFWORLD_DATA`` names, or one in the user's cache.
Nothing here needs either, so the first import happens at this place with a folder that exists; the
user's value, which may be mistyped, is put back.
"""

from __future__ import annotations

import os
import tempfile

_set_by_user = os.environ.get("ALFWORLD_DATA")
os.environ["ALFWORLD_DATA"] = tempfile.gettempdir()
try:
    from alfworld.gen import constants, goal_library
    from alfworld.info import ALFRED_PDDL_PATH, ALFRED_TWL2_PATH
finally:
    if _set_by_user is None:
        del os.environ["ALFWORLD_DATA"]
    else:
        os.environ["ALFWORLD_DATA"] = _set_by_user

__all__ = ["ALFRED_PDDL_PATH", "ALFRED_TWL2_PATH", "constants", "goal_library"]
