"""Delta's log and files, read and written without a server."""
