"""A self-signed certificate of a server on this machine."""

import ssl
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.support.answering import AnsweringServer

PEM = serialization.Encoding.PEM


class OwnCertificate:
    """A file with a key and its certificate. Clients that trust the file trust the server."""

    def __init__(self, path: Path) -> None:
        key, now = ec.generate_private_key(ec.SECP256R1()), datetime.now(UTC)
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])  # curl refuses one without a name.
        made = x509.CertificateBuilder(name, name, key.public_key(), 1, now, now + timedelta(days=1))
        here = x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))])
        signed = made.add_extension(here, critical=True).sign(key, hashes.SHA256())
        plain = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        path.write_bytes(key.private_bytes(PEM, *plain) + signed.public_bytes(PEM))
        self.path = path

    def serve(self, server: AnsweringServer) -> None:
        """Make a server speak TLS with this certificate."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.path)
        server.socket = context.wrap_socket(server.socket, server_side=True)
