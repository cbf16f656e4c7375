"""Addresses of vLLM servers: where they are, and nothing that must stay secret."""

from __future__ import annotations

from urllib.parse import urlsplit


def address_fault(url: str) -> str | None:
    """Return what is wrong with the address of a server, in words; None if nothing is.

    The address is not repeated: it may hold a password.
    """
    try:
        parts = urlsplit(url)
        named = bool(parts.hostname) and (parts.port is None or parts.port > 0)
    except ValueError:
        return "an address of rollout.servers is malformed: use one such as http://localhost:8000"
    if "@" in url or parts.query or parts.fragment:
        return (
            "an address of rollout.servers holds more than a server, such as a password: use one "
            "such as http://localhost:8000, and set VLLM_API_KEY to the server's key"
        )
    if parts.scheme not in ("http", "https") or not named or not url.isprintable() or " " in url:
        return "an address of rollout.servers is malformed: use one such as http://localhost:8000"
    return None
