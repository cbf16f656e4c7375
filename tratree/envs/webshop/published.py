"""Which goal published WebShop trajectories mean: their numbers are ours."""

from __future__ import annotations


def own_task_id(published: str) -> str | None:
    """Return our name of a goal: AgentGym's is the same, ETO's a bare number."""
    return f"webshop_{published}" if published.isdecimal() else published


def gist(instruction: str) -> str:
    """Return an instruction without the price bound, which the original draws anew each time."""
    return instruction.partition(", and price lower than ")[0]
