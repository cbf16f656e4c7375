"""Processes that play or compute with a model: places of a stage's, from its resources."""

from __future__ import annotations

from dataclasses import replace

from tratree.policy.places import Places, find_places
from tratree.store.stage import Resources


def players(resources: Resources) -> Places:
    """Return where episodes are played."""
    hardware = resources.hardware
    return find_places(resources.workers.workers, hardware.accelerator, hardware.devices)


def scorers(resources: Resources) -> Places:
    """Return where a model computes other things than episodes: one process on each GPU.

    On a CPU it is this process, unless ``rollout.workers=auto`` says that it counts for several.
    """
    places = players(resources)
    if places.gpus:
        return replace(places, workers=min(places.workers, places.gpus))
    return places if resources.workers.workers == "auto" else Places()
