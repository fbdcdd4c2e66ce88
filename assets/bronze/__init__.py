"""As it came: every row with its file, its row in the file, its batch and its arrival."""
