"""The reference project's tables, one file each: the path is the name. Helpers beside them hold what several tables share."""
