"""pyspark's client on the guarded way to the engine."""

from functools import cache
from typing import TYPE_CHECKING

from lakehouse.services.supervise.channel import credentials, need_engine, parse_remote

if TYPE_CHECKING:
    import grpc


@cache
def guard() -> None:
    """From now on all sessions of this process send a token by plain loopback only to the owner's server.

    pyspark's own builder of channels takes 127.0.0.1 for a host far away, which needs TLS, and of `localhost` the IPv6
    half too. What is not guarded goes its way.
    """
    from pyspark.sql.connect.client import core

    class Guarded(core.DefaultChannelBuilder):
        def __init__(self, url: str, channelOptions: list[tuple[str, object]] | None = None) -> None:  # noqa: N803
            super().__init__(url, channelOptions)
            self._remote = parse_remote(url)
            self._params.pop("owner", None)  # what it does not know is sent to the server

        def toChannel(self) -> "grpc.Channel":  # noqa: N802 - pyspark's name
            if not self._remote.is_guarded:
                return super().toChannel()
            need_engine(self._remote)
            return self._secure_channel(self._remote.target, credentials(self._remote))

    core.DefaultChannelBuilder = Guarded  # type: ignore[misc]
