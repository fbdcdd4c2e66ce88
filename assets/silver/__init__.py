"""Typed, one row per key; what cannot be right is in quarantine with the reason."""
