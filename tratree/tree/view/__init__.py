"""Trajectory trees as one HTML page for people: no network, no other file."""

from tratree.tree.view.page import render

__all__ = ["render"]
