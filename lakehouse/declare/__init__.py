"""What a project declares: tables, columns, write modes and types, as frozen values that cost nothing to import."""
