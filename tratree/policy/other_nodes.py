"""Workers on the other nodes of a SLURM job.

The run is a process on one node. For the others it starts a step of its job, with one process on
each node; this file is also that process's program. It starts the node's workers as on the first
node, and passes on what they and the run say to each other: each has a connection of its own.
"""

from __future__ import annotations

import os
import pickle
import secrets
import socket
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from multiprocessing import AuthenticationError
from multiprocessing.connection import (
    Client,
    Connection,
    answer_challenge,
    deliver_challenge,
)
from queue import Empty, SimpleQueue
from threading import Thread

from tratree.child_processes import SECONDS_TO_CLOSE, shielded_children
from tratree.errors import UserError
from tratree.policy.worker_process import Died, Duty, Worker, end_all, worker_context
from tratree.slurm_steps import step_command, step_environment


class RemoteWorker:
    """A worker of another node, a `Member`."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection

    def kill_if_hung(self) -> None:
        """Do nothing: its own node looks after that."""

    def death(self) -> Died:
        """Return the cause where its node could not say it."""
        return Died("with its node")

    def stop(self) -> None:
        """Do nothing: closing the connection ends it."""

    def end(self, seconds: float | None = None) -> None:
        """Let go of it."""
        self.connection.close()


class OtherNodes:
    """The step that holds the workers of the other nodes.

    Only who knows a random key, which the step is given through its standard input, may connect.

    Attributes:
        door: Socket that they connect to; it can be waited for.
    """

    def __init__(self, duty: Duty) -> None:
        self._key = secrets.token_bytes(32)
        self.door = socket.create_server(("", 0), backlog=duty.places.count)
        nodes = f"--nodes={duty.places.nodes - 1}"
        command = step_command(__name__, 1, nodes, f"--exclude={os.environ['SLURMD_NODENAME']}")
        with shielded_children():
            self._step = subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=2, env=step_environment()
            )
        assert self._step.stdin is not None
        with suppress(BrokenPipeError):  # `check` tells
            pickle.dump((duty, self.door.getsockname()[1], self._key), self._step.stdin)
            self._step.stdin.flush()

    def let_in(self) -> list[RemoteWorker]:
        """Return the worker that has knocked; none if it was somebody else."""
        taken, _ = self.door.accept()
        connection = Connection(taken.detach())
        try:
            deliver_challenge(connection, self._key)
            answer_challenge(connection, self._key)
        except (AuthenticationError, EOFError, OSError):
            connection.close()
            return []
        return [RemoteWorker(connection)]

    def check(self) -> None:
        """Check that the step is alive.

        Raises:
            UserError: If it isn't.
        """
        if self._step.poll() is not None:
            raise UserError(
                f"the workers on the other nodes of the job have ended (srun: "
                f"{self._step.returncode}); what they said is above. Set rollout.workers to a "
                "number to use this node alone"
            )

    def close(self) -> None:
        """End the step: it notices that its standard input has."""
        assert self._step.stdin is not None
        with suppress(BrokenPipeError):
            self._step.stdin.close()
        self.door.close()
        try:
            self._step.wait(SECONDS_TO_CLOSE)
        except subprocess.TimeoutExpired:
            self._step.terminate()
            self._step.wait()


def _run() -> None:
    """Start this node's workers and pass on messages, until the run closes standard input."""
    duty, port, key = pickle.load(sys.stdin.buffer)
    address = os.environ["SLURM_LAUNCH_NODE_IPADDR"], port
    context = worker_context()
    ended: SimpleQueue[Connection | None] = SimpleQueue()
    outside: dict[Worker, Connection] = {}  # the connection of each worker with the run

    def start(number: int) -> None:
        worker = Worker(context, duty, number)
        outside[worker] = Client(address, authkey=key)
        _in_thread(_pass_on, worker.connection, outside[worker], ended)
        _in_thread(_pass_on, outside[worker], worker.connection, ended)

    _in_thread(_wait_for_end, ended)
    try:
        for number in range(duty.places.workers):
            start(number)
        while True:
            with suppress(Empty):
                connection = ended.get(timeout=duty.look_every)
                if connection is None:
                    return
                for worker in list(outside):
                    if connection is worker.connection:  # it died, or it has retired
                        how = f"{worker.death().how} on {os.environ['SLURMD_NODENAME']}"
                        with suppress(OSError):
                            outside[worker].send(Died(how))
                    if connection in (worker.connection, outside[worker]):
                        del outside[worker]
                        end_all([worker])
                        start(worker.number)
            for worker in outside:
                worker.kill_if_hung()
    except (ConnectionError, EOFError):
        pass  # the run has gone
    finally:
        end_all(list(outside))


def _in_thread(function: Callable[..., object], *arguments: object) -> None:
    Thread(target=function, args=arguments, daemon=True).start()


def _wait_for_end(ended: SimpleQueue[Connection | None]) -> None:
    """Wait until the run closes standard input, or is gone."""
    while os.read(sys.stdin.fileno(), 1024):
        pass
    ended.put(None)


def _pass_on(source: Connection, target: Connection, ended: SimpleQueue[Connection | None]) -> None:
    """Pass on messages until there are no more.

    Each direction of each connection has its thread: none waits for room in another.
    """
    while True:
        try:
            message = source.recv_bytes()
        except (EOFError, OSError):
            ended.put(source)
            return
        with suppress(OSError):  # noticed when it is read
            target.send_bytes(message)


if __name__ == "__main__":
    _run()
