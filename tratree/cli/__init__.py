"""The command line: ``tratree`` (and ``train.py``) runs an experiment, ``tratree NAME`` the rest."""

from tratree.cli.main import main

__all__ = ["main"]
