"""Destinations of a run's figures other than its files: ``logger=none|csv|tensorboard|wandb``."""

from tratree.tracking.opening import open_tracker
from tratree.tracking.tracker import RunFacts, StageFacts, Tracker

__all__ = ["RunFacts", "StageFacts", "Tracker", "open_tracker"]
