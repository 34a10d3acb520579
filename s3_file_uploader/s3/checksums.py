"""The checksum of each part that S3 compares: CRC64NVME by awscrt on AWS where it is installed, else CRC32 by zlib.

It is sent as a header. boto3 would send it behind the body, and copy the body three times to put it there.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/checking-object-integrity-upload.html
"""

from base64 import b64encode
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from importlib import import_module
from typing import Any, cast
from zlib import crc32

from ..conf import conf
from ..values import CHECKSUM_TRAILERS
from .part_buffer import PartBuffer


@dataclass(frozen=True, slots=True)
class PartChecksum:
    """A kind of checksum: its name in S3, the function, and the size of its result in bytes."""

    algorithm: str
    compute: Callable[[memoryview], int]
    size: int

    @property
    def creation(self) -> dict[str, Any]:
        """Return the argument that announces the checksums when the multipart upload is created.

        Without it, AWS takes the parts and then refuses to complete the upload.
        """
        return {"ChecksumAlgorithm": self.algorithm}

    def of(self, body: PartBuffer) -> dict[str, str]:
        """Return the argument for the part and for its entry in the completion, which AWS needs with CRC32."""
        value = self.compute(body.view()).to_bytes(self.size, "big")
        return {f"Checksum{self.algorithm}": b64encode(value).decode()}


CRC32 = PartChecksum("CRC32", crc32, 4)


def part_checksum() -> PartChecksum | None:
    """Return the checksum to send with the parts of an upload, or None if the store takes none.

    Other stores than AWS may not know CRC64NVME: `s3_doctor` tries CRC32 only.
    """
    if not conf.store_can(CHECKSUM_TRAILERS):
        return None
    return _fastest_checksum() if conf.is_aws else CRC32


@lru_cache(maxsize=1)
def _fastest_checksum() -> PartChecksum:
    """Return CRC64NVME if awscrt is installed, which computes it in a tenth of the time that CRC32 takes.

    An old awscrt has no CRC64NVME.
    """
    with suppress(ImportError, AttributeError):
        compute = cast("Callable[[memoryview], int]", import_module("awscrt.checksums").crc64nvme)
        return PartChecksum("CRC64NVME", compute, 8)
    return CRC32
