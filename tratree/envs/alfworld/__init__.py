"""ALFWorld: household text games, official or generated, on a fast text engine.

Importing `alfworld` creates the folder that ``ALFWORLD_DATA`` names, or one in the user's cache.
Nothing here needs either, so the first import happens at this place with a folder that exists,
and the user's value, which may be mistyped, is put back.
"""

import os
import tempfile
from importlib import import_module

_set_by_user = os.environ.get("ALFWORLD_DATA")
os.environ["ALFWORLD_DATA"] = tempfile.gettempdir()
import_module("alfworld")
if _set_by_user is None:
    del os.environ["ALFWORLD_DATA"]
else:
    os.environ["ALFWORLD_DATA"] = _set_by_user
