"""Addresses of model servers: where they are, and nothing that must stay secret."""

from __future__ import annotations

from urllib.parse import urlsplit


def address_fault(
    url: str, of: str = "an address of rollout.servers", key: str = "VLLM_API_KEY"
) -> str | None:
    """Return what is wrong with the address of a server, in words; None if nothing is.

    The address is not repeated: it may hold a password.

    Args:
        url: The address.
        of: Name that the message gives it.
        key: The environment variable that is for the server's key.
    """
    malformed = f"{of} is malformed: use one such as http://localhost:8000"
    try:
        parts = urlsplit(url)
        named = bool(parts.hostname) and (parts.port is None or parts.port > 0)
    except ValueError:
        return malformed
    if "@" in url or parts.query or parts.fragment:
        return (
            f"{of} holds more than a server, such as a password: use one such as "
            f"http://localhost:8000, and set {key} to the server's key"
        )
    if parts.scheme not in ("http", "https") or not named or not url.isprintable() or " " in url:
        return malformed
    return None
