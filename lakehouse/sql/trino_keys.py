"""What the workspace's own Trino is known by, and knows its users by: a certificate, and a key that signs tokens."""

import base64
import ipaddress
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from lakehouse.locks.private_lock import private_folder, private_lock
from lakehouse.rights import OWNERS_OWN
from lakehouse.storage import write_private
from lakehouse.workspace import HOST, Workspace

AUDIENCE = "trino"
_VALID, _RENEWED_BEFORE = timedelta(days=825), timedelta(days=30)
_KEY_BYTES = 32


@dataclass(frozen=True)
class TrinoKeys:
    """The files of one workspace; its owner alone can read them.

    Args:
        folder: Where they are.
    """

    folder: Path

    @property
    def server(self) -> Path:
        """Trino's private key and its certificate, PEM."""
        return self.folder / "server.pem"

    @property
    def trust(self) -> Path:
        """The certificate alone, PEM: what a client trusts."""
        return self.folder / "trust.pem"

    @property
    def tokens(self) -> Path:
        """The key that signs and checks tokens (HMAC with SHA-256), base64."""
        return self.folder / "tokens.key"

    @property
    def internal(self) -> Path:
        """The secret that Trino's nodes know each other by."""
        return self.folder / "internal.key"

    def token(self, user: str, lifetime: timedelta) -> str:
        """A token for a user: RFC 7519, signed with SHA-256, for Trino of this workspace alone.

        Args:
            user: As whom Trino sees who shows it.
            lifetime: From now on.

        Raises:
            FileNotFoundError: the keys are not made yet.
        """
        import jwt

        claims = {"sub": user, "aud": AUDIENCE, "exp": datetime.now(UTC) + lifetime}
        return jwt.encode(claims, base64.b64decode(self.tokens.read_text()), "HS256")


def keys_of(workspace: Workspace) -> TrinoKeys:
    """Where the keys of a workspace are, made or not."""
    return TrinoKeys(workspace.home / OWNERS_OWN / "trino")


def make_keys(workspace: Workspace) -> TrinoKeys:
    """The keys of a workspace; what is missing is made, and a certificate that ends within 30 days is made anew."""
    keys = keys_of(workspace)
    private_folder(keys.folder.parent)
    private_folder(keys.folder)
    with private_lock(keys.folder / "lock"):
        for file in (keys.tokens, keys.internal):
            if not file.exists():
                write_private(file, base64.b64encode(secrets.token_bytes(_KEY_BYTES)).decode())
        if not _is_good(keys):
            key, certificate = _certificate()
            write_private(keys.trust, certificate)
            write_private(keys.server, key + certificate)
    return keys


def _is_good(keys: TrinoKeys) -> bool:
    from cryptography import x509

    try:
        certificate = x509.load_pem_x509_certificate(keys.trust.read_bytes())
        server = keys.server.read_text()
    except (FileNotFoundError, ValueError):
        return False
    return keys.trust.read_text() in server and certificate.not_valid_after_utc > datetime.now(UTC) + _RENEWED_BEFORE


def _certificate() -> tuple[str, str]:
    """A private key and a certificate that it signs itself, PEM; for the loopback address alone."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.now(UTC)
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "Trino of a lakehouse workspace")])
    builder = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + _VALID)
    )
    # It is trusted by itself, and no other certificate on its word.
    extensions: tuple[tuple[x509.ExtensionType, bool], ...] = (
        (x509.BasicConstraints(ca=False, path_length=None), True),
        (x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(HOST)), x509.DNSName("localhost")]), False),
        (x509.ExtendedKeyUsage([x509.oid.ExtendedKeyUsageOID.SERVER_AUTH]), False),
        (x509.SubjectKeyIdentifier.from_public_key(key.public_key()), False),
        (x509.AuthorityKeyIdentifier.from_issuer_public_key(key.public_key()), False),
    )
    for extension, is_critical in extensions:
        builder = builder.add_extension(extension, critical=is_critical)
    certificate = builder.sign(key, hashes.SHA256())
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return private.decode(), certificate.public_bytes(serialization.Encoding.PEM).decode()
