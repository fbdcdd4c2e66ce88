"""The Dagster graph of this project."""
