"""The way to a Spark Connect server: what listens there is looked at before it is spoken to, or sent the token."""

import math
import socket
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from lakehouse.errors import ServiceError, SettingsError
from lakehouse.services.supervise import peers
from lakehouse.workspace import HOST, Workspace

if TYPE_CHECKING:
    import grpc

# HTTP/2's first words of a client, with an empty frame of settings (RFC 9113, 3.4); a server begins with such a frame.
_GREETING = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes((0, 0, 0, 4, 0, 0, 0, 0, 0))
_SETTINGS_FRAME = 4
_ANSWERS_WITHIN_SECONDS = 10
# The kernel writes its table of connections in 1 to 10 ms: a publish of 30 calls would take a quarter longer by it. An
# engine takes longer to start: while it listens, the accepted connections are its own, or were there at the last look.
_LOOK_HOLDS_SECONDS = 1


@dataclass(frozen=True)
class Remote:
    """The parts of `sc://host:port/;token=...;use_ssl=true`."""

    host: str
    port: int
    parameters: dict[str, str]

    @property
    def is_guarded(self) -> bool:
        """Whether it is on this machine and asks for a token over a plain connection."""
        is_plain = self.parameters.get("use_ssl", "").lower() != "true"
        return "token" in self.parameters and is_plain and peers.is_loopback(self.host)

    @property
    def target(self) -> str:
        """Host and port. What is guarded is 127.0.0.1: of `localhost` another user may have the IPv6 half."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{HOST if self.is_guarded else host}:{self.port}"


def parse_remote(url: str) -> Remote:
    """Read a Spark Connect URL. The message of the error does not hold the URL, which may hold a token."""
    parts = urlsplit(url)
    if parts.scheme != "sc" or not parts.hostname:
        raise SettingsError(
            "LAKEHOUSE_SPARK__REMOTE is not a Spark Connect address, for example sc://host:15002/;token=..."
        )
    pairs = (pair.partition("=") for pair in parts.path.strip("/").split(";") if pair)
    return Remote(parts.hostname, parts.port or 15002, {name: unquote(value) for name, _, value in pairs})


def strangers_at(workspace: Workspace) -> str:
    """Words for the other users who hold the port of the workspace's engine; empty where none do or none is named."""
    if not workspace.settings.spark.remote and "spark" not in workspace.services():
        return ""
    remote = parse_remote(workspace.spark_remote)
    return peers.strangers(remote.port, remote.parameters.get("owner")) if remote.is_guarded else ""


def need_engine(remote: Remote, timeout: float = _ANSWERS_WITHIN_SECONDS) -> None:
    """Go on if what listens there may be an engine, or nothing listens. No token is sent.

    Args:
        remote: Where.
        timeout: Seconds that it has for its first words.

    Raises:
        ServiceError: it is another user's, or does not speak as an engine does.
    """
    if not remote.is_guarded:
        return
    peers.need_own(remote.port, remote.parameters.get("owner"))
    try:
        with socket.create_connection((HOST, remote.port), timeout=timeout) as connection:
            connection.sendall(_GREETING)
            answer = connection.recv(9, socket.MSG_WAITALL)
    except TimeoutError:
        raise ServiceError(_no_engine(remote, f"says nothing within {timeout:.0f} s")) from None
    except ConnectionRefusedError:
        return
    except OSError:
        answer = b""
    if len(answer) < 9 or answer[3] != _SETTINGS_FRAME or answer[5:] != bytes(4):
        raise ServiceError(_no_engine(remote, "does not speak as an engine does (HTTP/2)"))


def _no_engine(remote: Remote, how: str) -> str:
    return (
        f"what listens at {remote.target} is not an engine that works: it {how}.\n"
        f"See `lakehouse status` for who holds the port. Run `lakehouse down` and `lakehouse up`, which takes another "
        f"port where this one is held, or mend LAKEHOUSE_SPARK__REMOTE."
    )


def credentials(remote: Remote) -> "grpc.ChannelCredentials | None":
    """What a channel to it needs; none where it asks for no token and no TLS.

    The token of a guarded one is given call by call, once the call's connection is there and known to be the owner's:
    its listener is looked at for each, all who have a connection of the port if the last such look is a second old.
    """
    import grpc

    token = remote.parameters.get("token")
    if not remote.is_guarded:
        if token is None and remote.parameters.get("use_ssl", "").lower() != "true":
            return None
        plain = grpc.ssl_channel_credentials()
        call = grpc.access_token_call_credentials(token) if token is not None else None
    else:
        plain, call = grpc.local_channel_credentials(), grpc.metadata_call_credentials(_give_token(remote))
    return grpc.composite_channel_credentials(plain, call) if call is not None else plain


def _give_token(remote: Remote) -> "grpc.AuthMetadataPlugin":
    import grpc

    owner = remote.parameters.get("owner")

    class Token(grpc.AuthMetadataPlugin):  # type: ignore[misc]
        _seen = -math.inf

        def __call__(self, _: grpc.AuthMetadataContext, callback: grpc.AuthMetadataPluginCallback) -> None:
            now = time.monotonic()
            try:
                is_seen = now - self._seen < _LOOK_HOLDS_SECONDS and peers.listens_own(remote.port, owner)
                if not is_seen:
                    peers.need_own(remote.port, owner)
                    self._seen = now
            except (ServiceError, OSError) as error:
                callback((), error)
                return
            callback((("authorization", f"Bearer {remote.parameters['token']}"),), None)

    return Token()
