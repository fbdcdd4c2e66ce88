"""The tables that one run touches, each opened once and handed down."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from lakehouse.declare.table import LAYERS
from lakehouse.delta.history import open_table, raise_if_damaged
from lakehouse.storage import locate
from lakehouse.workspace import Workspace

if TYPE_CHECKING:
    from deltalake import DeltaTable


class Tables:
    """The tables of a workspace as one run knows them. To open one reads its log; what came since is read alone.

    For one thread: a run makes its own.
    """

    def __init__(self, workspace: Workspace) -> None:
        """Opens nothing yet.

        Args:
            workspace: Where the tables are.
        """
        self.workspace = workspace
        self._opened: dict[str, DeltaTable] = {}

    def opened(self, name: str) -> "DeltaTable | None":
        """`layer.entities` as this run looked at it last, or None if there is no such table yet.

        Raises:
            DamagedLogError: an entry of its log is missing, empty or torn.
        """
        if name not in self._opened:
            table = open_table(self.workspace, name)
            if table is None:
                return None
            self._opened[name] = table
        return self._opened[name]

    def latest(self, name: str) -> "DeltaTable | None":
        """`layer.entities` at its latest version, or None if there is no such table.

        Raises:
            DamagedLogError: an entry of its log is missing, empty or torn.
        """
        from deltalake.exceptions import DeltaError

        table = self._opened.get(name)
        if table is None:
            return self.opened(name)
        if not raise_if_damaged(self.workspace, name):
            # Somebody has dropped it.
            del self._opened[name]
            return None
        try:
            table.update_incremental()
        except (DeltaError, ValueError):
            # The opener tells what is wrong with the log.
            del self._opened[name]
            return self.opened(name)
        return table


def id_of(table: "DeltaTable | None") -> str | None:
    """Delta's id of a table: one that is dropped and made again has another. None if there is no table."""
    return None if table is None else str(table.metadata().id)


def table_names(workspace: Workspace, layers: Sequence[str] = LAYERS) -> list[str]:
    """The tables below the warehouse, by layer."""
    from pyarrow.fs import FileSelector, FileType

    store, root = locate(workspace.warehouse)
    names = []
    for layer in layers:
        for info in store.get_file_info(FileSelector(f"{root}/{layer}", allow_not_found=True)):
            is_folder = info.type == FileType.Directory
            if is_folder and store.get_file_info(f"{info.path}/_delta_log").type == FileType.Directory:
                names.append(f"{layer}.{info.base_name}")
    return sorted(names, key=lambda name: (layers.index(name.partition(".")[0]), name))
