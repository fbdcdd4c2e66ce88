"""A new table as files: declaration and asset, suite, test. What is written here is the user's to change."""
