"""Lets a JVM trust what the machine trusts: a Java trust store made from the PEM bundle that the settings name."""

import hashlib
import re
import warnings
from pathlib import Path

from lakehouse.errors import SettingsError
from lakehouse.settings import Settings

# A PKCS#12 trust store wants a password; it holds only public certificates.
PASSWORD = "changeit"  # noqa: S105 - see above
_CERTIFICATE = re.compile(rb"-----BEGIN CERTIFICATE-----.+?-----END CERTIFICATE-----", re.DOTALL)


def flags(settings: Settings) -> list[str]:
    """The options that make a JVM use the machine's certificates; none where no bundle is named."""
    bundle = settings.truststore or settings.ssl_cert_file
    if bundle is None:
        return []
    store = _store(bundle, settings.cache)
    return [f"-Djavax.net.ssl.trustStore={store}", f"-Djavax.net.ssl.trustStorePassword={PASSWORD}"]


def _store(bundle: Path, cache: Path) -> Path:
    """The trust store made from `bundle`, kept in the cache under the bundle's digest."""
    try:
        pem = bundle.read_bytes()
    except OSError as error:
        raise SettingsError(
            f"the certificates {bundle} cannot be read ({error.strerror}). LAKEHOUSE_TRUSTSTORE or SSL_CERT_FILE "
            f"must name a file of PEM certificates such as /etc/ssl/certs/ca-certificates.crt."
        ) from error
    store = cache / "truststores" / f"{hashlib.sha256(pem).hexdigest()[:16]}.p12"
    if not store.exists():
        store.parent.mkdir(parents=True, exist_ok=True)
        draft = store.with_suffix(".tmp")
        draft.write_bytes(_pkcs12(pem, bundle))
        draft.replace(store)
    return store


def _pkcs12(pem: bytes, bundle: Path) -> bytes:
    from cryptography import x509
    from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, pkcs12

    entries = []
    with warnings.catch_warnings():
        # Old roots with serial number 0 are in every distribution's bundle.
        warnings.simplefilter("ignore")
        for number, text in enumerate(_CERTIFICATE.findall(pem)):
            try:
                certificate = x509.load_pem_x509_certificate(text)
            except ValueError:
                continue  # one certificate that cannot be parsed is one authority that is not trusted
            entries.append(pkcs12.PKCS12Certificate(certificate, f"ca-{number}".encode()))
    if not entries:
        raise SettingsError(f"{bundle} holds no PEM certificate. Name another file by LAKEHOUSE_TRUSTSTORE.")
    return pkcs12.serialize_java_truststore(entries, BestAvailableEncryption(PASSWORD.encode()))
