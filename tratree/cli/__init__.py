"""The command line: ``train.py`` and ``tratree`` run experiments, ``tratree NAME`` the rest."""

from tratree.cli.main import main

__all__ = ["main"]
