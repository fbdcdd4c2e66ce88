"""Upkeep: few small files, whatever the number of publishes."""

from lakehouse.maintenance.compact import keep_up
from lakehouse.maintenance.small_files import LIMITS, Limits, Need, StoredFile, need

__all__ = ["LIMITS", "Limits", "Need", "StoredFile", "keep_up", "need"]
