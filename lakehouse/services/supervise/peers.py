"""Who is at the other end of a loopback port: on Linux the kernel's table of connections names the user of each."""

import os
import pwd
import socket
import struct
from functools import cache
from pathlib import Path

from lakehouse.errors import ServiceError
from lakehouse.workspace import HOST

_TABLES = (Path("/proc/net/tcp"), Path("/proc/net/tcp6"))
_ESTABLISHED, _LISTENS = "01", "0A"
_ROOT = 0
# Of <linux/sock_diag.h> and <linux/netlink.h>: to ask for one socket, and what an answer with one is.
_SOCK_DIAG, _BY_FAMILY, _REQUEST = 4, 20, 1
_NO_COOKIE = b"\xff" * 8
_USER_AT = 80
# What to do where another user holds an engine's port.
REMEDY = (
    "Run `lakehouse down` and `lakehouse up`, which takes another port. Where that user's engine is meant, add "
    "`;owner=NAME` to LAKEHOUSE_SPARK__REMOTE."
)


def is_loopback(host: str) -> bool:
    """Whether a host is this machine by IPv4, which is what `localhost` is taken for."""
    return host == "localhost" or host.startswith("127.")


def holders(port: int) -> set[int]:
    """The users whose sockets get, or have got, what is sent to the port of 127.0.0.1; empty where nobody listens.

    A socket of that address comes before one of any address, as the kernel has it: a listener of another user on `::`
    beside it gets nothing. The kernel gives root for a connection that nobody has accepted, which says nothing.
    """
    loopback, anywhere = _addresses(HOST), _addresses("0.0.0.0") | {"0" * 32}  # noqa: S104 - looked for, not bound
    exact, broad, connected = set(), set(), set()
    for line in _lines(f":{port:04X} "):
        fields = line.split()
        address, _, number = fields[1].partition(":")
        if int(number, 16) != port:
            continue  # it is the other end's
        state, user = fields[3], int(fields[7])
        if state == _LISTENS and address in loopback:
            exact.add(user)
        elif state == _LISTENS and address in anywhere:
            broad.add(user)
        elif state == _ESTABLISHED and address in loopback and user != _ROOT:
            connected.add(user)
    return (exact or broad) | connected


def _lines(port: str) -> list[str]:
    """The lines that have the port, of either end: each call of the engine asks for them, so few are taken apart."""
    texts = (table.read_text() for table in _TABLES if table.exists())
    return [line for text in texts for line in text.splitlines() if port in line]


def _addresses(host: str) -> set[str]:
    """An IPv4 address as the tables write it: numbers of the machine's order, by itself and as a part of IPv6."""
    plain = f"{struct.unpack('=I', socket.inet_aton(host))[0]:08X}"
    return {plain, "0" * 16 + f"{socket.htonl(0xFFFF):08X}" + plain}


def listener(port: int) -> int | None:
    """The user whose socket gets the next connection to the port of 127.0.0.1.

    The kernel looks this one socket up, in 20 microseconds; to write its table takes it 1 to 10 ms.

    Returns:
        The user; None if nobody listens, or the system does not answer such a question.
    """
    if not hasattr(socket, "AF_NETLINK"):
        return None
    ends = struct.pack(">HH", port, 0) + socket.inet_aton(HOST).ljust(32, b"\0") + bytes(4) + _NO_COOKIE
    asked = struct.pack("=BBBBI", socket.AF_INET, socket.IPPROTO_TCP, 0, 0, 1 << int(_LISTENS, 16)) + ends
    try:
        with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, _SOCK_DIAG) as kernel:
            kernel.settimeout(1)
            kernel.send(struct.pack("=IHHII", 16 + len(asked), _BY_FAMILY, _REQUEST, 1, 0) + asked)
            answer = kernel.recv(4096)
    except OSError:
        return None
    is_one = len(answer) >= _USER_AT + 4 and struct.unpack_from("=H", answer, 4)[0] == _BY_FAMILY
    return int(struct.unpack_from("=I", answer, _USER_AT)[0]) if is_one else None


@cache
def can_tell() -> bool:
    """Whether this system tells whose a listener is; tried with one of this process."""
    with socket.socket() as own:
        own.bind((HOST, 0))
        own.listen(1)
        try:
            return holders(own.getsockname()[1]) == {os.geteuid()}
        except (OSError, ValueError, IndexError):
            return False


def strangers(port: int, owner: str | None = None) -> str:
    """Words for the users who hold the port of 127.0.0.1 and are neither this one nor root.

    Args:
        port: The port.
        owner: Another user, by name or number, whose it may be.

    Returns:
        Names and numbers; empty where there are none, or where this system does not tell.

    Raises:
        ServiceError: there is no such owner.
    """
    if not can_tell():
        return ""
    others = holders(port) - _own(owner)
    return ", ".join(f"{_name_of(user)} (uid {user})" for user in sorted(others))


def listens_own(port: int, owner: str | None = None) -> bool:
    """Whether it is known at once that this user, root or the owner listens at the port of 127.0.0.1.

    It says nothing of connections that another has accepted before: see `holders`.
    """
    user = listener(port)
    return user is not None and user in _own(owner)


def need_own(port: int, owner: str | None = None) -> None:
    """Go on if the port of 127.0.0.1 is this user's or root's, or nobody listens, or this system does not tell.

    Args:
        port: The port.
        owner: Another user, by name or number, whose it may be.

    Raises:
        ServiceError: it is another user's.
    """
    names = strangers(port, owner)
    if names:
        raise ServiceError(
            f"what listens at {HOST}:{port} is not this user's engine but a process of {names}. It was sent no token.\n"
            f"{REMEDY}"
        )


def _own(owner: str | None) -> set[int]:
    return {os.geteuid(), _ROOT} | ({_number_of(owner)} if owner else set())


def _number_of(owner: str) -> int:
    if owner.isdigit():
        return int(owner)
    try:
        return pwd.getpwnam(owner).pw_uid
    except KeyError:
        raise ServiceError(
            f"LAKEHOUSE_SPARK__REMOTE names the owner {owner}, who is no user of this machine."
        ) from None


def _name_of(user: int) -> str:
    try:
        return pwd.getpwuid(user).pw_name
    except KeyError:
        return "a user without a name"
