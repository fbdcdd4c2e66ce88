"""Counting: what rows hold, and which rules they break, in as few passes as can be."""
