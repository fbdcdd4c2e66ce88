"""Append: the rows are added, by reference."""

from lakehouse.declare.write_modes import Append
from lakehouse.write.modes.mode import ModeFunctions, Publication, commit_files
from lakehouse.write.run_kind import is_rebuild


def publish_append(mode: Append, publication: Publication) -> int:
    """Add the rows; of a rebuild, in place of all that is there, because what was read again would come twice."""
    return commit_files(publication, "overwrite" if is_rebuild(publication.kind) else "append")


APPEND = ModeFunctions(publish_append)
