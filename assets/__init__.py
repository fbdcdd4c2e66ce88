"""The reference project's tables, one file each: the path is the name. Beside them is what several tables share."""
