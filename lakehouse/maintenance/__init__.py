"""Upkeep: few small files, whatever the number of publishes."""

from lakehouse.maintenance.need import LIMITS, Held, Limits, Need, need
from lakehouse.maintenance.upkeep import keep_up

__all__ = ["LIMITS", "Held", "Limits", "Need", "keep_up", "need"]
