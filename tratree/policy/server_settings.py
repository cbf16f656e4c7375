"""Settings of vLLM servers that play episodes; imports nothing heavy."""

from __future__ import annotations

from typing import Literal

from tratree.settings import Count, Positive, settings


@settings
class ServerSettings:
    """vLLM servers that play episodes; changes speed, never what an episode may be."""

    servers: Literal["auto"] | tuple[str, ...] = ()
    """auto: one on each free GPU of this machine, started for a stage that plays and stopped at its
    end; or addresses such as http://localhost:8000 of servers that run already. Those of one base
    model share its episodes."""

    concurrency: Count = 256
    """Most episodes that each vLLM server plays at the same time."""

    server_start_seconds: Positive = 1800.0
    """Longest time from the start of a server to its first answer, in seconds."""

    probe_adapters: bool = True
    """Before a server plays an adapter, a short greedy answer of it is compared with that of the
    model here, which is loaded for it into this machine's memory."""
