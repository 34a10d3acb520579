"""A self-signed certificate of a server on this machine."""

import ssl
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from tests.support.answering import AnsweringServer

PEM = serialization.Encoding.PEM


class OwnCertificate:
    """A file with a key and its certificate. Clients that trust the file trust the server."""

    def __init__(self, path: Path) -> None:
        key, no_name, now = ec.generate_private_key(ec.SECP256R1()), x509.Name([]), datetime.now(UTC)
        made = x509.CertificateBuilder(no_name, no_name, key.public_key(), 1, now, now + timedelta(days=1))
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
