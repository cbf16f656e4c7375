"""ALFWorld: household text games, official or generated, on a fast text engine.

Importing `alfworld` creates the folder that ``ALFWORLD_DATA`` names, or one in the user's cache.
This package needs neither, so the first import happens here, pointed at a folder that exists;
a value that the user has set is left alone.
"""

import os
import tempfile

if "ALFWORLD_DATA" in os.environ:
    import alfworld
else:
    os.environ["ALFWORLD_DATA"] = tempfile.gettempdir()
    try:
        import alfworld
    finally:
        del os.environ["ALFWORLD_DATA"]
