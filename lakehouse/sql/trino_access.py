"""The way to Trino: whose it is, by what its certificate is checked, and what a client shows."""

from collections.abc import Callable
from datetime import timedelta
from typing import TYPE_CHECKING
from urllib.parse import quote, urlencode

from lakehouse.errors import ServiceError, SettingsError
from lakehouse.sql.trino_keys import keys_of
from lakehouse.workspace import HOST, Workspace

if TYPE_CHECKING:
    import requests

# A token is made for each request: one that is seen by somebody is of no use soon after.
_REQUEST = timedelta(minutes=5)


def http_session(workspace: Workspace) -> "requests.Session":
    """A session for requests to the Trino of the workspace, or to the one that its settings name.

    The workspace's own is trusted by its certificate alone, so that another process at its port gets no token. Neither
    a proxy nor certificates that the environment names are used for it.

    Raises:
        SettingsError: a token would be sent to an address without TLS.
    """
    import requests
    from requests.auth import AuthBase

    class Token(AuthBase):
        def __init__(self, give: Callable[[], str]) -> None:
            self.give = give

        def __call__(self, request: "requests.PreparedRequest") -> "requests.PreparedRequest":
            request.headers["Authorization"] = f"Bearer {self.give()}"
            return request

    session, settings = requests.Session(), workspace.settings.trino
    if settings.url is None:
        keys = keys_of(workspace)
        session.trust_env, session.verify = False, str(keys.trust)
        session.auth = Token(lambda: keys.token(settings.user, _REQUEST))
        return session
    if settings.trust is not None:
        session.trust_env, session.verify = False, str(settings.trust)
    if settings.token is not None:
        if not settings.url.startswith("https://"):
            raise SettingsError(
                "LAKEHOUSE_TRINO__TOKEN would be readable on its way to LAKEHOUSE_TRINO__URL, which is no https "
                "address. Name one, or unset the token."
            )
        session.auth = Token(settings.token.get_secret_value)
    return session


def jdbc_url(workspace: Workspace, port: int) -> str:
    """Where a JDBC client finds the workspace's own Trino; it needs a token beside it, as `accessToken`."""
    trust = urlencode({"SSL": "true", "SSLTrustStorePath": str(keys_of(workspace).trust)}, safe="/", quote_via=quote)
    return f"jdbc:trino://{HOST}:{port}/{quote(workspace.settings.trino.catalog, safe='')}?{trust}"


def token(workspace: Workspace, user: str, lifetime: timedelta) -> str:
    """A token for a client of the workspace's own Trino; nobody can take it back before it ends.

    Args:
        workspace: Whose Trino.
        user: As whom Trino sees who shows it.
        lifetime: From now on.

    Raises:
        ServiceError: Trino is somebody else's, or was never up.
    """
    if workspace.settings.trino.url is not None:
        raise ServiceError(
            "LAKEHOUSE_TRINO__URL names a Trino of somebody else, who gives its tokens. Unset it for your own."
        )
    try:
        return keys_of(workspace).token(user, lifetime)
    except FileNotFoundError:
        raise ServiceError(f"no Trino was up in {workspace.home} yet. Run `lakehouse up sql`.") from None
