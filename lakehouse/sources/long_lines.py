"""Lines that are too long for the engine, found before it reads them: it would end at one, or skip it."""

from lakehouse.delta.history import version_of
from lakehouse.engine.largest_value import LARGEST_VALUE_BYTES
from lakehouse.errors import ValueTooLargeError, state_of
from lakehouse.sources.source import ReadContext
from lakehouse.storage import File, locate

_CHUNK = 4 * 2**20
# What Hadoop decompresses by the name of the file (io.compression.codecs): its lines are not as long as they look.
_COMPRESSED = (".gz", ".bz2", ".deflate", ".zst", ".lz4", ".snappy", ".xz")


def refuse_long_lines(context: ReadContext, files: list[File]) -> None:
    """Pass if no line is longer than the largest value. Only files that are larger than that are looked into.

    Raises:
        ValueTooLargeError: a line is longer; the error names its file and number.
    """
    for file in files:
        if file.size > LARGEST_VALUE_BYTES and not file.path.endswith(_COMPRESSED):
            row = _first_long_line(file)
            if row is not None:
                name = context.reader
                doing = f"{name} was not written, {state_of(version_of(context.workspace, name))}"
                raise ValueTooLargeError(doing, f"{file.relative}, line {row}", LARGEST_VALUE_BYTES)


def _first_long_line(file: File) -> int | None:
    """The number of the first line that is too long, from 1. A line ends with LF; one of CR alone is not told apart."""
    store, path = locate(file.path)
    row, length = 1, 0
    with store.open_input_stream(path) as stream:
        while chunk := stream.read(_CHUNK):
            ends = chunk.count(b"\n")
            length += chunk.find(b"\n") if ends else len(chunk)
            if length > LARGEST_VALUE_BYTES:
                return row
            if ends:
                row, length = row + ends, len(chunk) - chunk.rfind(b"\n") - 1
    return None
