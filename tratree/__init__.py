"""Weak-to-strong generalization with failure trajectories."""

import logging

logging.getLogger("httpx").setLevel(logging.WARNING)  # else a line for each request
logging.getLogger("bitsandbytes").setLevel(logging.ERROR)  # else of a kernel that it does not need
