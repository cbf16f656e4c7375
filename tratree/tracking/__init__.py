"""Destinations of a run's figures: ``logger=none|csv|tensorboard|trackio|wandb``."""

from tratree.tracking.opening import open_tracker
from tratree.tracking.tracker import RunFacts, StageFacts, Tracker

__all__ = ["RunFacts", "StageFacts", "Tracker", "open_tracker"]
