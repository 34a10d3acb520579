"""Find marked secrets in everything that a service outputs."""

import re
from base64 import b64encode
from urllib.parse import quote

# Signatures of the requests to S3. The server's own signatures must not leak, and the test does not know them.
SIGNED = re.compile(r"(X-Amz-Signature|x-amz-signature|Signature)\W{1,6}[0-9a-f]{64}|AWS4-HMAC-SHA256 Credential")
SIGNATURE = re.compile(r"(?i:x-amz-signature)\W{1,6}([0-9a-f]{64})")
# Secrets that are parts of a presigned URL.
IN_A_URL = {"access key", "session token", "signature"}


class Leaks:
    """Collect secrets by name, and outputs with the secrets that each output may contain."""

    def __init__(self):
        self.secrets, self.outputs = {}, []

    def secret(self, name, text):
        """Add a secret. A name such as "signature" may have many."""
        self.secrets.setdefault(name, set()).add(text)

    def tell(self, where, text, *, gives=()):
        """Add an output. `gives` names the secrets that it may contain."""
        self.outputs.append((where, text, set(gives)))
        if "signature" in gives:
            for signature in SIGNATURE.findall(text):
                self.secret("signature", signature)

    def findings(self):
        """Return each secret in an output that must not contain it, with some text around it."""
        return sorted(
            {
                (where, name, text[max(place - 100, 0) : place + 60])
                for where, text, gives in self.outputs
                for name, place in self._in(text)
                if name not in gives
            }
        )

    def _in(self, text):
        for name, secrets in self.secrets.items():
            for secret in secrets:
                for written in spellings(secret):
                    if (place := text.find(written)) >= 0:
                        yield name, place
        if match := SIGNED.search(text):
            yield "signature", match.start()


def spellings(secret):
    """Return the spellings of a secret: plain, percent-encoded, and in base64."""
    return {secret, quote(secret, safe=""), b64encode(secret.encode()).decode().rstrip("=")[:-1]}
