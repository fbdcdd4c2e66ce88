"""What is done with a project from Python, in one call each: by a table's name or by its asset, as the command does."""
