"""A program that runs another one until its standard input ends, and then ends all of it.

Whoever starts it holds the other end of the input: when he closes it, or is killed, the program
and all processes that it has started are gone. Run as a file, it imports nothing of the package.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Sequence
from contextlib import suppress

SECONDS_TO_CLOSE = 20.0
"""Time that the program has to end once it is told to, before it is killed."""


def main(command: Sequence[str]) -> int:
    """Run a command in a session of its own until it ends or the input does.

    Returns:
        Its exit status.
    """
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGUSR1, signal.SIGUSR2):
        signal.signal(number, lambda *_: None)  # they are the starter's to act on
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, start_new_session=True)

    def end() -> None:
        while os.read(0, 1024):  # sys.stdin has a lock that Python wants when it ends
            pass
        _signal_all(process.pid, signal.SIGTERM)
        with suppress(subprocess.TimeoutExpired):
            process.wait(SECONDS_TO_CLOSE)
        _signal_all(process.pid, signal.SIGKILL)

    threading.Thread(target=end, daemon=True).start()
    status = process.wait()
    _signal_all(process.pid, signal.SIGKILL)
    return status if status >= 0 else 128 - status


def _signal_all(group: int, number: signal.Signals) -> None:
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(group, number)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
