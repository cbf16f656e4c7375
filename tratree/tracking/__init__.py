"""Where a run's figures go besides its files: ``logger=none|csv|tensorboard|wandb``."""

from tratree.tracking.tracker import Tracker, open_tracker

__all__ = ["Tracker", "open_tracker"]
