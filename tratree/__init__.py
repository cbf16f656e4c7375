"""Weak-to-strong generalization with failure trajectories."""
