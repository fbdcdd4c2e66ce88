"""What a merge remembers of the keys that it deleted, so that an older change that comes late brings none back."""

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

from lakehouse.declare.write_modes import Merge
from lakehouse.delta.file_statistics import read_adopted
from lakehouse.delta.parquet_files import read_file, write_file
from lakehouse.delta.stamp import Stamp, is_done
from lakehouse.schema.behind import deleted_table, is_other
from lakehouse.schema.create import ensure, replace_table
from lakehouse.storage import File
from lakehouse.write.modes.merge_by_reference import can_adopt_merge
from lakehouse.write.modes.mode import Publication, deletes
from lakehouse.write.position import committed
from lakehouse.write.run_kind import Rebuilt, is_rebuild

if TYPE_CHECKING:
    from deltalake import DeltaTable


def remember(publication: Publication, mode: Merge, publish: Callable[[Merge, Publication], int]) -> "DeltaTable":
    """Note the deletions of a batch before they are made: until then they concern nobody, and a crash makes both again.

    Args:
        publication: The batch with its deletions.
        mode: Of the table that they are made in.
        publish: Merges rows; what is remembered is a table with a merge of its own.

    Returns:
        The table of deletions, with those of the batch.
    """
    target, stamp = deleted_table(publication.table), publication.stamp
    merge = Merge(on=publication.table.key, sequence=publication.table.sequence)
    delta = ensure(publication.tables, publication.session, target)
    rows = sum(read_adopted(publication.delta.table_uri, file, set()).rows for file in publication.deletions)
    anew = starts_anew(publication)
    if is_done(delta, stamp) or not (rows or (anew and delta.version() > 0)):
        return delta
    if anew and is_other(publication.tables.workspace, target, delta):
        # Of another key, or another order, no deletion is remembered: all that is there is of no concern.
        replace_table(publication.session, target)
        delta.update_incremental()
    adopted = can_adopt_merge(merge, delta)
    own = replace(
        publication,
        table=target,
        delta=delta,
        files=(_copied(publication, delta),) if adopted and rows else (),
        deletions=(),
        rows=rows,
        frame=lambda: publication.frame().where(deletes(mode)),
        stamp=Stamp(stamp.app, stamp.sequence, replace(stamp.note, checks=())),
        replaced=(),
        adopts=adopted,
        kind=Rebuilt() if anew else publication.kind,
    )
    publish(merge, own)
    delta.update_incremental()
    return delta


def starts_anew(publication: Publication) -> bool:
    """Whether deletions that are remembered are of no concern: the table is rebuilt, or was dropped and made again."""
    name = publication.table.name
    return is_rebuild(publication.kind) or not committed(publication.delta, name)


def _copied(publication: Publication, delta: "DeltaTable") -> File:
    """Key and sequence of the deletions in a file of the table that remembers them."""
    import pyarrow as pa

    schema = pa.schema(delta.schema().to_arrow()).remove_metadata()
    relative = f"run-{publication.stamp.note.run}/{publication.stamp.sequence}.parquet"
    root = publication.delta.table_uri
    read = (rows for file in publication.deletions for rows in read_file(root, file.path, schema.names))
    return write_file(delta, relative, schema, (rows.select(schema.names).cast(schema) for rows in read))
