"""Which tables a warehouse has: the folders with a Delta log, whatever a catalogue knows."""

from lakehouse.declare.table import LAYERS
from lakehouse.storage import locate
from lakehouse.workspace import Workspace


def table_names(workspace: Workspace) -> list[str]:
    """The tables below the warehouse, as their folders are named, layer by layer."""
    from pyarrow.fs import FileSelector, FileType

    store, _ = locate(workspace.warehouse)
    return [
        f"{layer}.{folder.base_name}"
        for layer in LAYERS
        for folder in sorted(
            store.get_file_info(FileSelector(locate(workspace.layer_path(layer))[1], allow_not_found=True)),
            key=lambda folder: folder.base_name,
        )
        if folder.type == FileType.Directory
        and store.get_file_info(f"{folder.path}/_delta_log").type == FileType.Directory
    ]
