"""Several vLLM servers of one base model, which share its requests."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from tratree.errors import UserError
from tratree.policy.vllm_server import ServerDownError, VllmServer

FIRST_REST = 1.0
"""Seconds that a server is left alone after it has failed; twice that after the next failure."""

_LONGEST_REST = 60.0
_MOST_FAILURES = 7
"""In a row, of one request or of every server: about a minute."""


@dataclass
class _State:
    server: VllmServer
    asked: int = 0
    failures: int = 0
    rests_until: float = 0.0

    def takes(self, now: float) -> bool:
        """Return whether it may be asked; after a failure one request tries it for all."""
        return self.rests_until <= now and not (self.failures and self.asked)


class ServerPool:
    """Gives each request to the server with the fewest; one that fails rests, and others take over.

    Safe to use from several threads.
    """

    def __init__(
        self, servers: Sequence[VllmServer], *, report: Callable[[str], None] = print
    ) -> None:
        """Share requests among `servers`, one or more; `report` gets a line when one fails."""
        self.servers = tuple(servers)
        self._states = [_State(server) for server in servers]
        self._changed = threading.Condition()
        self._given_up = False
        self._report = report

    @property
    def context(self) -> int:
        """Most tokens of a prompt and its completion."""
        return min(server.context for server in self.servers)

    def complete(self, *asked: Any, **how: Any) -> list[int]:
        """Return what `VllmServer.complete` of one of the servers does.

        Raises:
            UserError: If a server refuses, if several tries fail, or if no server answers any more.
        """
        tries = 0
        while True:
            state = self._take()
            try:
                said = state.server.complete(*asked, **how)
            except ServerDownError as error:
                tries += 1
                self._failed(state, error)
                if tries == _MOST_FAILURES:
                    raise UserError(f"{tries} tries of a request have failed; {error}") from error
            except BaseException:
                self._answered(state)
                raise
            else:
                self._answered(state)
                return said

    def give_up(self) -> None:
        """Let no request wait or be tried again."""
        with self._changed:
            self._given_up = True
            self._changed.notify_all()

    def _take(self) -> _State:
        with self._changed:
            while True:
                if self._given_up:
                    raise UserError("the episodes are played no further")
                now = time.monotonic()
                free = [state for state in self._states if state.takes(now)]
                if free:
                    chosen = min(free, key=lambda state: state.asked)
                    chosen.asked += 1
                    return chosen
                rests = [s.rests_until - now for s in self._states if s.rests_until > now]
                self._changed.wait(min(rests, default=None))

    def _answered(self, state: _State) -> None:
        with self._changed:
            state.asked -= 1
            if state.rests_until <= time.monotonic():  # else it was asked before it failed
                state.failures = 0
            self._changed.notify_all()

    def _failed(self, state: _State, error: ServerDownError) -> None:
        with self._changed:
            state.asked -= 1
            now = time.monotonic()
            first = not state.failures
            if state.rests_until <= now:  # others that failed with it count once
                rest = min(FIRST_REST * 2**state.failures, _LONGEST_REST)
                state.failures += 1
                state.rests_until = now + rest
            lost = all(s.failures >= _MOST_FAILURES for s in self._states)
            self._changed.notify_all()
        if lost:
            self.give_up()
            raise UserError(f"none of the vLLM servers answers any more; {error}") from error
        if first:
            self._report(
                f"the vLLM server {state.server.url} fails: its requests are sent again, to the "
                "others if there are any"
            )
