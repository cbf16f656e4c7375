"""A check within seconds that Weights & Biases can be reached."""

from __future__ import annotations

import netrc
import os
import threading
import urllib.error
import urllib.request
from urllib.parse import urlsplit

import wandb

from tratree.errors import UserError

SECONDS = 10.0


def check_connection(asker: str, otherwise: str = "") -> None:
    """Check that there is a key and that the server answers.

    `asker` names what needs it, and `otherwise` what could be done instead, for the message.

    Raises:
        UserError: If not; the message says what to do.
    """
    settings = wandb.setup().settings
    url = settings.base_url
    if not (settings.api_key or settings.identity_token_file or _has_password(url)):
        raise UserError(f"{asker} finds no key: run `wandb login`{otherwise}")
    problems: list[str] = ["no answer"]
    # In a thread, because looking up a name has no time limit of its own.
    asking = threading.Thread(target=_ask, args=(url, problems), daemon=True)
    asking.start()
    asking.join(SECONDS)
    if problems:
        raise UserError(f"{asker} cannot reach {url} ({problems[-1]}): check it{otherwise}")


def _has_password(url: str) -> bool:
    """Return whether `wandb login` has left a key where it leaves them."""
    path = os.environ.get("NETRC", os.path.expanduser("~/.netrc"))
    try:
        return netrc.netrc(path).authenticators(urlsplit(url).hostname or "") is not None
    except (OSError, netrc.NetrcParseError):
        return False


def _ask(url: str, problems: list[str]) -> None:
    try:
        urllib.request.urlopen(url, timeout=SECONDS / 2).close()
    except urllib.error.HTTPError:
        pass  # an answer is an answer
    except (OSError, ValueError) as error:
        problems.append(str(getattr(error, "reason", error)))
        return
    problems.clear()
