"""The door into a table: stage, audit, quarantine, publish."""
