"""The `lakehouse` command with all its groups, for `typer docs/commands.py utils docs`."""

from lakehouse.cli import load_groups

app = load_groups()
