"""Checkpoint files that are whole or not there, and run no code when read."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import torch
from lightning.pytorch.plugins.io import TorchCheckpointIO

from tratree.errors import UserError

_PARTS = ("state_dict", "optimizer_states", "lr_schedulers", "loops")


class SafeCheckpointIO(TorchCheckpointIO):
    """Writes a checkpoint next to the last one and swaps them; reads tensors and plain data."""

    def save_checkpoint(
        self, checkpoint: dict[str, Any], path: Any, storage_options: Any = None
    ) -> None:
        """Replace the file at `path` once the new one is on the disk."""
        unfinished = Path(f"{path}.new")
        try:
            with unfinished.open("wb") as file:
                torch.save(checkpoint, file)
                file.flush()
                os.fsync(file.fileno())
            unfinished.replace(path)
        except RuntimeError as error:  # how PyTorch tells that a write has failed
            if isinstance(error.__context__, OSError):
                raise error.__context__ from None
            raise
        finally:
            unfinished.unlink(missing_ok=True)

    def load_checkpoint(self, path: Any, *_: Any, **__: Any) -> dict[str, Any]:
        """Read a checkpoint onto the CPU.

        Raises:
            UserError: If it is damaged, or holds anything but tensors and plain data.
        """
        try:
            checkpoint: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
        except Exception as error:  # PyTorch and its unpickler raise anything on a damaged file
            raise UserError(
                f"{path} is not an intact checkpoint: remove it to train from the start"
            ) from error
        if not _is_complete(checkpoint):
            raise UserError(
                f"{path} is a checkpoint of something else: remove it to train from the start"
            )
        return checkpoint


def _is_complete(checkpoint: Any) -> bool:
    """Return whether it has all that a training resumes; Lightning ignores what is missing."""
    return (
        isinstance(checkpoint, dict)
        and all(checkpoint.get(part) for part in _PARTS)
        and isinstance(checkpoint.get("global_step"), int)
    )
