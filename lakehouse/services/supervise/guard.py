"""pyspark's client on the guarded way to the engine.

A session of plain pyspark takes the same address, which names `localhost`: of a token it allows no plain connection to
127.0.0.1. It looks at nobody before it sends the token.
"""

from dataclasses import replace
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
            remote = parse_remote(url)
            # The client takes a token from the environment too.
            given = {"token": self.token} if self.token is not None else {}
            self._remote = replace(remote, parameters=remote.parameters | given)
            self._params.pop("owner", None)  # what it does not know is sent to the server

        def toChannel(self) -> "grpc.Channel":  # noqa: N802 - pyspark's name
            if not self._remote.is_guarded:
                return super().toChannel()
            need_engine(self._remote)
            return self._secure_channel(self._remote.target, credentials(self._remote))

    core.DefaultChannelBuilder = Guarded  # type: ignore[misc]
