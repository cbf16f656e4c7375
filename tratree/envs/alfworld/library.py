"""Private copies of Fast Downward's shared library, the machine that runs a game's PDDL.

The library keeps its one game in global variables, so engines that live side by side need a copy
each. A copy is 1 MB, not the 34 MB of the original: the debug tables behind the loadable segments
stay out. Its file is gone from the disk before the first use, and copies are used again after
`release`; what a process that was killed while it loaded one has left goes with the next start.
"""

from __future__ import annotations

import ctypes
import struct
import tempfile
from functools import cache
from pathlib import Path

from fast_downward.interface import DOWNWARD_LIB_PATH, Atom, Operator

from tratree.errors import UserError
from tratree.leftovers import clear_dead_files, owned_file

_idle: list[ctypes.CDLL] = []
_NAME = "libdownward-", ".so"


def acquire() -> ctypes.CDLL:
    """Return a copy of the library that nobody else in this process uses.

    Raises:
        UserError: If the temporary folder doesn't allow it.
    """
    return _idle.pop() if _idle else _load()


def release(library: ctypes.CDLL) -> None:
    """Hand back a copy from `acquire`; the caller must not touch it again."""
    _idle.append(library)


def _load() -> ctypes.CDLL:
    try:
        with owned_file(*_NAME) as file:
            file.write(_loadable_bytes())
            file.flush()
            library = ctypes.CDLL(file.name)
    except OSError as error:
        raise UserError(
            f"can't load Fast Downward from a copy in {tempfile.gettempdir()} ({error}); "
            "set TMPDIR to a folder with room for it that is not mounted noexec"
        ) from error
    library.load_sas.argtypes = [ctypes.c_char_p]
    library.load_sas.restype = None
    library.get_applicable_operators.argtypes = [ctypes.POINTER(Operator)]
    library.get_applicable_operators.restype = None
    library.apply_operator.argtypes = [ctypes.c_int, ctypes.POINTER(Atom)]
    library.check_goal.restype = ctypes.c_bool
    return library


@cache
def _loadable_bytes() -> bytes:
    """Return the library's file up to the end of its last segment (all of it if not ELF64).

    Called before the first copy is made: those of dead processes go.
    """
    clear_dead_files(*_NAME)
    content = Path(DOWNWARD_LIB_PATH).read_bytes()
    if content[:6] != b"\x7fELF\x02\x01":
        return content
    (table,) = struct.unpack_from("<Q", content, 32)
    entry_size, entry_count = struct.unpack_from("<HH", content, 54)
    end = 0
    for entry in range(table, table + entry_size * entry_count, entry_size):
        _, _, offset, _, _, size, _, _ = struct.unpack_from("<IIQQQQQQ", content, entry)
        end = max(end, offset + size)
    return content[:end]
