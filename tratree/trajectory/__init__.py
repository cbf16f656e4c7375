"""Trajectories: what was seen, thought and done in an episode, and how it was scored.

attempts = read_any(Path("published.json"))   # also of AgentGym, ETO and TRL
write_trajectories(Path("ours.jsonl"), attempts)
"""

from tratree.trajectory.conversations import FORMATS, read_any, write_conversations
from tratree.trajectory.jsonl import read_trajectories, write_trajectories
from tratree.trajectory.selection import select_trajectories
from tratree.trajectory.types import Step, Task, Trajectory

__all__ = [
    "FORMATS",
    "Step",
    "Task",
    "Trajectory",
    "read_any",
    "read_trajectories",
    "select_trajectories",
    "write_conversations",
    "write_trajectories",
]
