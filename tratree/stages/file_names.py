"""Names of files of stages that other modules read; nothing here imports what stages need."""

EPISODES = "episodes.jsonl"
"""The trajectories of a finished exploration or evaluation."""

EPISODES_LOG = "episodes.log.jsonl"
"""The trajectories of an unfinished one so far, in the order in which they ended."""

METRICS = "metrics.json"
"""The figures of an evaluation."""

REPORT = "training.json"
"""Report on a fine-tuning: samples, steps and last loss."""
