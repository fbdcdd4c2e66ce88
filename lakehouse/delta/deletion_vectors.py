"""Deletion vectors: which rows of a file are no more, in a file of their own.

The formats: https://github.com/delta-io/delta/blob/master/PROTOCOL.md, "Deletion Vector Format" and "Deletion Vector
Files". Bitmaps are 64-bit Roaring bitmaps in their portable form (https://github.com/RoaringBitmap/RoaringFormatSpec).
"""

import base64
import struct
import uuid
import zlib
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlparse

from lakehouse.storage import locate, sync

if TYPE_CHECKING:
    from pyroaring import BitMap64

_MAGIC = struct.pack("<i", 1681511377)
_VERSION = b"\x01"
_UUID_LENGTH = 20
# Python has the alphabet of RFC 1924; Z85 (https://rfc.zeromq.org/spec/32/) is the same arithmetic with another one.
_RFC1924 = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz!#$%&()*+-;<=>?@^_`{|}~"
_Z85 = b"0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.-:+=^!/*?&<>()[]{}@%$#"
_TO_Z85, _FROM_Z85 = bytes.maketrans(_RFC1924, _Z85), bytes.maketrans(_Z85, _RFC1924)


def z85(data: bytes) -> str:
    """Bytes, whose number is a multiple of four, as Z85."""
    return base64.b85encode(data).translate(_TO_Z85).decode()


def from_z85(text: str) -> bytes:
    """The bytes of a Z85 text."""
    return base64.b85decode(text.encode().translate(_FROM_Z85))


def place_of(base: str, descriptor: Mapping[str, Any]) -> str | None:
    """The file that a vector is in, for a table whose folder is `base`; None where the log itself holds it."""
    kind, where = descriptor["storageType"], descriptor["pathOrInlineDv"]
    if kind == "i":
        return None
    if kind == "u":
        prefix, name = where[:-_UUID_LENGTH], uuid.UUID(bytes=from_z85(where[-_UUID_LENGTH:]))
        return "/".join(part for part in (base, prefix, f"deletion_vector_{name}.bin") if part)
    return unquote(urlparse(where).path) if base.startswith("/") else str(where)


def _bitmap(data: bytes) -> "BitMap64":
    from pyroaring import BitMap64

    if data[:4] != _MAGIC:
        raise ValueError("a deletion vector of an unknown format")
    return BitMap64.deserialize(data[4:])


def read_vector(root: str, descriptor: Mapping[str, Any]) -> "BitMap64":
    """The rows that a descriptor in the log marks as deleted.

    Args:
        root: URI of the table.
        descriptor: `deletionVector` of an `add` action.

    Raises:
        ValueError: the vector is damaged or of an unknown format.
    """
    store, base = locate(root)
    path = place_of(base, descriptor)
    if path is None:
        return _bitmap(from_z85(descriptor["pathOrInlineDv"])[: descriptor["sizeInBytes"]])
    with store.open_input_file(path) as stream:
        stream.seek(descriptor.get("offset", 0))
        (size,) = struct.unpack(">i", stream.read(4))
        data, (checksum,) = stream.read(size), struct.unpack(">I", stream.read(4))
    if size != descriptor["sizeInBytes"] or zlib.crc32(data) != checksum:
        raise ValueError("a deletion vector that is not what the log says")
    return _bitmap(data)


def write_vectors(root: str, bitmaps: "Mapping[str, BitMap64]") -> dict[str, dict[str, Any]]:
    """Write bitmaps into one new file in the table's folder, which VACUUM sweeps if no commit refers to it.

    Args:
        root: URI of the table.
        bitmaps: Deleted rows by the path of the data file.

    Returns:
        Their descriptors by the same paths.
    """
    name, body, descriptors = uuid.uuid4(), bytearray(_VERSION), {}
    for path, bitmap in bitmaps.items():
        data = _MAGIC + bitmap.serialize()
        descriptors[path] = {
            "storageType": "u",
            "pathOrInlineDv": z85(name.bytes),
            "offset": len(body),
            "sizeInBytes": len(data),
            "cardinality": len(bitmap),
        }
        body += struct.pack(">i", len(data)) + data + struct.pack(">I", zlib.crc32(data))
    store, base = locate(root)
    with store.open_output_stream(f"{base}/deletion_vector_{name}.bin") as stream:
        stream.write(bytes(body))
    sync(root, f"deletion_vector_{name}.bin")
    return descriptors
