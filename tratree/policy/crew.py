"""Workers that share items of work: dealt as they have room, again if one is replaced."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing, suppress
from multiprocessing.connection import Connection, wait
from typing import Any

from tratree.errors import UserError
from tratree.policy.other_nodes import OtherNodes
from tratree.policy.worker_process import (
    Died,
    Duty,
    Member,
    Report,
    Retired,
    Worker,
    end_all,
    worker_context,
)

_MOST_DEATHS = 3
_LOOK_EVERY = 1.0
"""Seconds between two looks whether the step on the other nodes is alive."""


def share_out(
    duty: Duty, items: Sequence[Any], ahead: int, report: Report
) -> Iterator[tuple[int, Any]]:
    """Let workers at all places of `duty` do `items`.

    Args:
        duty: Work on an item, and its place.
        items: Any that can be pickled.
        ahead: Most items that a worker has been given and not finished.
        report: Gets a line for each worker that is replaced, and what engines report.

    Yields:
        (index in `items`, result) of items as they are done.

    Raises:
        UserError: If an engine raises it, or workers keep dying.
        RuntimeError: If a worker fails otherwise, with its traceback.
    """
    with ExitStack() as stack:
        crew: list[Member] = []
        stack.callback(end_all, crew)
        others = stack.enter_context(closing(OtherNodes(duty))) if duty.places.nodes > 1 else None
        yield from _deal(crew, others, duty, items, ahead, report)


def _deal(
    crew: list[Member],
    others: OtherNodes | None,
    duty: Duty,
    items: Sequence[Any],
    ahead: int,
    report: Report,
) -> Iterator[tuple[int, Any]]:
    context = worker_context()
    waiting = deque(range(len(items)))
    dealt: dict[Member, set[int]] = {}  # and not finished
    deaths = 0  # since the last item that was done

    def begin(number: int) -> None:
        crew.append(Worker(context, duty, number))

    def replace(member: Member) -> None:
        """Let another one do what it has not finished; one of another node comes by itself."""
        member.end()
        crew.remove(member)
        waiting.extendleft(sorted(dealt.pop(member, ()), reverse=True))
        if isinstance(member, Worker):
            begin(member.number)

    for number in range(duty.places.workers):
        begin(number)
    while waiting or any(dealt.values()):
        for member in crew:
            unfinished = dealt.setdefault(member, set())
            while waiting and len(unfinished) < ahead:
                index = waiting.popleft()
                unfinished.add(index)
                with suppress(OSError):  # a dead worker is noticed when its answer is read
                    member.connection.send((index, items[index]))
        by_connection = {member.connection: member for member in crew}
        door = [others.door] if others else []
        timeout = _LOOK_EVERY if others else duty.look_every
        for ready in wait([*by_connection, *door], timeout):
            if others and ready is others.door:
                crew += others.let_in()
                continue
            assert isinstance(ready, Connection)
            member = by_connection[ready]
            try:
                answer = ready.recv()
            except (EOFError, OSError):
                answer = member.death()
            if isinstance(answer, Died):
                deaths += 1
                if deaths > _MOST_DEATHS:
                    raise UserError(
                        f"{deaths} rollout workers died without finishing an episode, the "
                        f"last {answer.how}: free memory or use fewer workers"
                    )
                report(f"a rollout worker died {answer.how}: playing its episodes again")
                replace(member)
            elif isinstance(answer, Retired):
                replace(member)
            elif isinstance(answer, Exception):
                raise answer
            elif isinstance(answer, str):
                report(answer)
            else:
                deaths = 0
                dealt[member].remove(answer[0])
                yield answer
        if duty.look_every is not None:
            for member in crew:
                member.kill_if_hung()
        if others:
            others.check()
