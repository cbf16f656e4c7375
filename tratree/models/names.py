"""Meaning of a base model's name: a folder or a Hub id; nothing here loads one."""

from __future__ import annotations

import hashlib
import re
import time
from contextlib import suppress
from functools import cache, lru_cache
from importlib.resources import files
from pathlib import Path

from tratree.errors import UserError
from tratree.files import SETTLED_NS, file_digest, user_cache, write_atomically

PACKAGE_PREFIX = "package:"
"""Marks a folder inside the tratree package, such as ``package:models/tiny/weak``."""

_HASHED = (
    ".json",
    ".safetensors",
    ".jinja",
    ".txt",
    ".model",
    ".tiktoken",
    ".bpe",
    ".spm",
    ".vocab",
)
"""Endings of the files that models, tokenizers and chat templates are made of."""

_LARGE = 2**24
"""Bytes of a file whose hash is kept."""


def local_folder(name: str) -> Path | None:
    """Return the folder that `name` means, or None for a Hub id."""
    if name.startswith(PACKAGE_PREFIX):
        return Path(str(files("tratree").joinpath(name.removeprefix(PACKAGE_PREFIX))))
    looks_like_path = name.startswith((".", "/", "~")) or Path(name).is_dir()
    return Path(name).expanduser() if looks_like_path else None


def hub_commit(name: str, revision: str | None = None) -> str | None:
    """Return the commit of a Hub model that `revision` means: here if it is in the Hub's cache.

    Args:
        name: A model's name; None is returned for anything but a Hub id.
        revision: A branch, tag or commit; None is ``main``.

    Returns:
        None if neither the cache nor the Hub tells.
    """
    if local_folder(name) is not None:
        return None
    wanted = revision or "main"
    if re.fullmatch("[0-9a-f]{40}", wanted):
        return wanted
    # Imported here, because settings that need no model read this module.
    from huggingface_hub import constants

    cached = Path(constants.HF_HUB_CACHE, "models--" + name.replace("/", "--"), "refs", wanted)
    if cached.is_file():
        return cached.read_text("utf-8").strip()
    return _asked_commit(name, wanted)


@cache
def _asked_commit(name: str, revision: str) -> str | None:
    from huggingface_hub import HfApi

    try:
        return HfApi().model_info(name, revision=revision, timeout=10).sha
    except Exception:  # whatever it is, the commit is not known, and loading says more
        return None


def fingerprint(name: str, commit: str | None = None) -> str:
    """Return what tells a base model from another: a hash of a folder's files, or id and commit.

    `commit` is that of a Hub id, if it is known.

    Raises:
        UserError: If `name` is a folder without a model.
    """
    folder = local_folder(name)
    if folder is None:
        return f"{name}@{commit}" if commit else name
    check_folder(name, folder)
    digest = hashlib.sha256()
    for path in sorted(folder.rglob("*")):
        if path.suffix in _HASHED and path.is_file():
            state = path.stat()
            content = _hash(path, state.st_size, state.st_mtime_ns, state.st_ino)
            digest.update(path.relative_to(folder).as_posix().encode() + b"\0" + content)
    return digest.hexdigest()[:16]


@lru_cache(maxsize=1024)
def _hash(path: Path, size: int, changed: int, inode: int) -> bytes:
    """Return the hash of a file that has not changed since its size and time were read.

    That of a large one is kept in the user's cache: all processes of all runs need it.
    """
    if size < _LARGE:
        return file_digest(path)
    # The content is not part of the name, but whatever changes it changes the time.
    facts = f"{path.resolve()}\0{size}\0{changed}\0{inode}"
    kept = (
        user_cache()
        / "hashes"
        / hashlib.sha256(facts.encode("utf-8", "surrogateescape")).hexdigest()
    )
    with suppress(OSError, ValueError):
        found = bytes.fromhex(kept.read_text("ascii"))
        if len(found) == hashlib.sha256().digest_size:
            return found
    found = file_digest(path)
    if time.time_ns() - changed > SETTLED_NS:
        with suppress(OSError):  # without a cache it is computed again
            write_atomically(kept, [found.hex().encode()])
    return found


def public_name(name: str) -> str:
    """Return the name of a model without the path of a folder of this machine."""
    is_path = local_folder(name) is not None and not name.startswith(PACKAGE_PREFIX)
    return Path(name).name if is_path else name


def check_model(name: str, revision: str | None = None) -> None:
    """Raise a `UserError` if a model is in no folder, and not to be had from the Hub either.

    Loading would ask the Hub again and again before it says so.
    """
    folder = local_folder(name)
    if folder is not None:
        check_folder(name, folder)
    elif hub_commit(name, revision) is None:
        raise UserError(
            f"model {name} is no folder here, and the Hub cannot be asked for it: correct the "
            f"name, or download it where there is a network (`hf download {name}`)"
        )


def check_folder(name: str, folder: Path) -> None:
    """Raise a `UserError` if the folder that `name` means holds no model."""
    if not (folder / "config.json").is_file():
        raise UserError(
            f"model {name}: {folder} holds no config.json; give a Hub id, or the folder of a "
            "model with safetensors weights"
        )
