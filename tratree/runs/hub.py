"""Folders of this machine as repositories of the Hugging Face Hub; imports nothing heavy."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

from huggingface_hub import HfApi, get_token
from huggingface_hub.errors import HfHubHTTPError, HFValidationError
from huggingface_hub.utils import disable_progress_bars, validate_repo_id

from tratree.errors import UserError

Kind = Literal["model", "dataset"]


def check_push(repo: str) -> None:
    """Check that `repo` is a name, and that the Hub knows the user, before anything is done.

    Raises:
        UserError: If not; the message says what to do and holds no token.
    """
    owner, _, name = repo.partition("/")
    try:
        validate_repo_id(repo)
    except HFValidationError as error:
        raise UserError(f"{repo} is no name on the Hub ({_brief(error)}): use ORG/NAME") from None
    if not (owner and name):
        raise UserError(f"{repo} is no name on the Hub: use ORG/NAME")
    if get_token() is None:
        raise UserError("the Hub needs a token: run `hf auth login`, or set HF_TOKEN")
    with _clear_errors(repo):
        HfApi().whoami()


def push(folder: Path, repo: str, kind: Kind, *, private: bool, message: str) -> str:
    """Upload a folder as one commit to ``ORG/NAME``; the repository is made if there is none.

    What else the repository has stays.

    Returns:
        Address of the repository.

    Raises:
        UserError: If the Hub does not take it; the message holds no token.
    """
    disable_progress_bars()
    with _clear_errors(repo):
        made = HfApi().create_repo(repo, repo_type=kind, private=private, exist_ok=True)
        HfApi().upload_folder(
            repo_id=repo, folder_path=folder, repo_type=kind, commit_message=message
        )
    return str(made)


@contextmanager
def _clear_errors(repo: str) -> Iterator[None]:
    try:
        yield
    except Exception as error:  # the client has no common class for what may go wrong
        status = error.response.status_code if isinstance(error, HfHubHTTPError) else None
        advice = {
            401: "the token is not valid: run `hf auth login` again",
            403: f"your token may not write to {repo.split('/')[0]}: use another one or name",
        }.get(status or 0, "check the connection, HF_ENDPOINT and HF_HUB_OFFLINE")
        raise UserError(f"the Hub does not take {repo} ({_brief(error)}): {advice}") from None


def _brief(error: Exception) -> str:
    """Return the first line of a message, never with the token."""
    said = (str(error).strip().splitlines() or [type(error).__name__])[0]
    token = get_token()
    return said.replace(token, "…") if token else said
