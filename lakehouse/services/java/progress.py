"""Shows how a long download goes: a bar on a terminal, now and then a line elsewhere. On stderr."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

MEGABYTE = 1_000_000


@contextmanager
def shown(title: str, total: int) -> Iterator[Callable[[int], None]]:
    """Gives a function that is told how many of `total` bytes are there."""
    if sys.stderr.isatty():
        with _bar(title, total) as tell:
            yield tell
    else:
        yield _lines(title, total)


@contextmanager
def _bar(title: str, total: int) -> Iterator[Callable[[int], None]]:
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn, TransferSpeedColumn

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True)) as progress:
        task = progress.add_task(title, total=total)

        def tell(done: int) -> None:
            progress.update(task, completed=min(done, total))

        yield tell


def _lines(title: str, total: int) -> Callable[[int], None]:
    """One line at the start and one for each further tenth of a big download."""
    print(f"{title}: {total / MEGABYTE:,.0f} MB", file=sys.stderr, flush=True)
    tenth = 0

    def tell(done: int) -> None:
        nonlocal tenth
        if total > 100 * MEGABYTE and done * 10 // total > tenth:
            tenth = done * 10 // total
            print(f"{title}: {done / MEGABYTE:,.0f} of {total / MEGABYTE:,.0f} MB", file=sys.stderr, flush=True)

    return tell
