"""Refusal of addresses with a user or password; imports nothing, as every command needs it."""

from __future__ import annotations

import re
from collections.abc import Sequence

from tratree.errors import UserError

_CREDENTIALS = re.compile(r"://[^/?#\s]*@|rollout\.servers.*[@?#]")


def refuse_credentials(texts: Sequence[str]) -> None:
    """Check that no address has a user or password, which would end up in logs and reports.

    Raises:
        UserError: If one has; it is not repeated.
    """
    if any(_CREDENTIALS.search(text) for text in texts):
        raise UserError(
            "an address in the configuration holds a user or password, which logs and reports "
            "would repeat: leave it out; the key of a vLLM server goes into VLLM_API_KEY, that of "
            "another endpoint into OPENAI_API_KEY"
        )
