"""Limits of small files that a few files reach."""

from lakehouse.maintenance import Limits

# Two files less are worth it.
FEW = Limits(files=2, small_bytes=2**20, full_bytes=2**21)
