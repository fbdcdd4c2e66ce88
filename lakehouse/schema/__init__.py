"""Declared against stored: what a table would have to change, and the safe part of it done."""
