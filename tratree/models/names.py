"""What the name of a base model stands for; nothing here loads one."""

from __future__ import annotations

import hashlib
from importlib.resources import files
from pathlib import Path

from tratree.errors import UserError

PACKAGE_PREFIX = "package:"
"""Marks a folder inside the tratree package, such as ``package:models/tiny/weak``."""

_CONTENT = (".json", ".safetensors", ".jinja", ".txt", ".model")
"""What a model's folder holds of weights, tokenizer and, for an encoder, the modules after it."""


def local_folder(name: str) -> Path | None:
    """Return the folder that `name` stands for, or None for a Hub id."""
    if name.startswith(PACKAGE_PREFIX):
        return Path(str(files("tratree").joinpath(name.removeprefix(PACKAGE_PREFIX))))
    looks_like_path = name.startswith((".", "/", "~")) or Path(name).is_dir()
    return Path(name).expanduser() if looks_like_path else None


def fingerprint(name: str) -> str:
    """Return what tells a base model from another: a hash of a folder's files, or the Hub id.

    Raises:
        UserError: If `name` is a folder without a model.
    """
    folder = local_folder(name)
    if folder is None:
        return name
    check_folder(name, folder)
    digest = hashlib.sha256()
    for path in sorted(folder.rglob("*")):
        if path.suffix in _CONTENT and path.is_file():
            with path.open("rb") as file:
                content = hashlib.file_digest(file, "sha256").digest()
            digest.update(path.relative_to(folder).as_posix().encode() + b"\0" + content)
    return digest.hexdigest()[:16]


def public_name(name: str) -> str:
    """Return the name of a model without the path of a folder of this machine."""
    is_path = local_folder(name) is not None and not name.startswith(PACKAGE_PREFIX)
    return Path(name).name if is_path else name


def check_folder(name: str, folder: Path) -> None:
    """Raise a `UserError` if the folder that `name` stands for holds no model."""
    if not (folder / "config.json").is_file():
        raise UserError(
            f"model {name}: {folder} holds no config.json; give a Hub id, or the folder of a "
            "model with safetensors weights"
        )
