"""Secrets that are marked, all that comes out of a service, and where one is found in the other."""

import re
from base64 import b64encode
from urllib.parse import quote

# What a request to S3 is signed with: those of this server are nobody's business, and never known to the test.
SIGNED = re.compile(r"(X-Amz-Signature|x-amz-signature|Signature)\W{1,6}[0-9a-f]{64}|AWS4-HMAC-SHA256 Credential")
SIGNATURE = re.compile(r"(?i:x-amz-signature)\W{1,6}([0-9a-f]{64})")
# What a presigned URL is made of.
IN_A_URL = {"access key", "session token", "signature"}


class Leaks:
    """Collects secrets by their name, and what is told, to whom and by which right."""

    def __init__(self):
        self.secrets, self.told = {}, []

    def secret(self, name, text):
        """Take one more; of signatures and tokens there are many."""
        self.secrets.setdefault(name, set()).add(text)

    def tell(self, where, text, *, gives=()):
        """Take what came out; `gives` names the secrets that it is there to give away."""
        self.told.append((where, text, set(gives)))
        if "signature" in gives:
            for signature in SIGNATURE.findall(text):
                self.secret("signature", signature)

    def found(self):
        """Return where which secret stands that has no business there, with some of what is around it."""
        return sorted(
            {
                (where, name, text[max(place - 100, 0) : place + 60])
                for where, text, gives in self.told
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
    """Return it as it is, as it stands in an address, and in base64 with nothing before it."""
    return {secret, quote(secret, safe=""), b64encode(secret.encode()).decode().rstrip("=")[:-1]}
