"""Upkeep: few small files, whatever the number of publishes."""

from lakehouse.maintenance.compact import keep_up
from lakehouse.maintenance.small_files import LIMITS, Held, Limits, Need, need

__all__ = ["LIMITS", "Held", "Limits", "Need", "keep_up", "need"]
