"""A project of one's own: the files that `lakehouse init` writes and `lakehouse upgrade` keeps up to date."""
