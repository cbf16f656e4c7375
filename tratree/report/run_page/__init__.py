"""A run as one HTML page for people: no network, no other file."""

from tratree.report.run_page.page import render
from tratree.report.run_page.record import RunRecord, StageRecord

__all__ = ["RunRecord", "StageRecord", "render"]
