"""Sources: each gives a frame and a position."""
