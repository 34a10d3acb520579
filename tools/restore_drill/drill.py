"""The users and the operator of the drill. Imported after django.setup()."""

import io
import json
from collections import Counter
from datetime import timedelta
from hashlib import sha256
from pathlib import Path

from django.contrib.auth.models import User
from django.core.management import call_command
from django.utils import timezone

from s3_file_uploader import services
from s3_file_uploader.models import FileUpload
from s3_file_uploader.s3.client import get_client

BUCKET, PARTS_BYTES = "drilled-bucket", 16 * 2**20  # two parts of 8 MiB
REPAIRS = ("--remove-records", "--update-records", "--adopt", "operator", "--abort-multipart-older-than", "0")
# The number of small files of each kind.
FILES = {"kept": 5, "deleted": 3, "overwritten": 4, "new": 6}
Findings = Counter[tuple[str, str]]


class Drill:
    """The actions of users before and after the backup, and of the operator after the restore."""

    def __init__(self, report: Path) -> None:
        """Take the file to which housekeeping writes its findings."""
        self.report = report

    # --- the users ---

    def before_the_backup(self) -> None:
        """Upload files, and begin two direct uploads."""
        self.user = User.objects.create_user("user")
        User.objects.create_user("operator")
        get_client().create_bucket(Bucket=BUCKET)
        for kind in ("kept", "deleted", "overwritten"):
            self.upload(kind)
        self.sent = self.begin("sent.bin", "put", 1000)
        self.parts = self.begin("parts.bin", "multipart", PARTS_BYTES)
        self.send_part(self.parts, 1)

    def after_the_backup(self) -> None:
        """Delete, overwrite and upload files, complete the direct uploads, and begin another."""
        for number in range(FILES["deleted"]):
            services.file_delete(user=self.user, bucket=BUCKET, file_name=f"deleted/{number}")
        self.upload("overwritten", overwrite=True)
        self.upload("new")
        get_client().put_object(
            Bucket=BUCKET, Key=self.sent.file_name, Body=bytes(1000), ContentType="application/octet-stream"
        )
        self.send_part(self.parts, 2)
        for upload in (self.sent, self.parts):
            services.upload_complete(user=self.user, upload_id=upload.pk)
        self.send_part(self.begin("unfinished.bin", "multipart", PARTS_BYTES), 1)

    def upload(self, kind: str, *, overwrite: bool = False) -> None:
        """Upload the files of a kind, each with a content of its own."""
        for number in range(FILES[kind]):
            name = f"{kind}/{number}"
            content = f"{name}{overwrite}".encode()
            services.file_upload(
                user=self.user,
                owner=self.user,
                bucket=BUCKET,
                file_name=name,
                content=io.BytesIO(content),
                size=len(content),
                content_type="text/plain",
                original_name=name,
                overwrite=overwrite,
            )

    def begin(self, name: str, strategy: str, size: int) -> FileUpload:
        """Begin a direct upload; return its record."""
        return services.upload_start(
            user=self.user,
            owner=self.user,
            bucket=BUCKET,
            file_name=name,
            content_type="application/octet-stream",
            size=size,
            strategy=strategy,
        ).upload

    def send_part(self, upload: FileUpload, number: int) -> None:
        """Send a part to the store, as a client does with its URL."""
        get_client().upload_part(
            Bucket=BUCKET,
            Key=upload.file_name,
            UploadId=upload.multipart_upload_id,
            PartNumber=number,
            Body=bytes(upload.part_size or 0),
        )

    # --- the operator ---

    def housekeeping(self, *options: str) -> Findings:
        """Run the command; return the number of findings by kind and outcome."""
        call_command("s3_housekeeping", "--compare", BUCKET, "--report", str(self.report), *options, verbosity=0)
        lines = [json.loads(line) for line in self.report.read_text().splitlines()]
        return Counter((line["kind"], line["outcome"]) for line in lines)

    def let_an_hour_pass(self) -> None:
        """Let the claims of the restored records, and the URLs of their clients, expire."""
        past = timezone.now() - timedelta(minutes=1)
        unfinished = FileUpload.objects.exclude(status="stored")
        unfinished.update(claimed_until=past, created_at=past - timedelta(hours=1))
        unfinished.exclude(writable_until=None).update(writable_until=past)

    def mend(self) -> Findings:
        """Run housekeeping with every repair, then again, when it must find nothing; return the first findings."""
        self.let_an_hour_pass()
        planned = self.housekeeping("--dry-run", *REPAIRS)
        mended = self.housekeeping(*REPAIRS)
        assert _by_kind(planned) == _by_kind(mended), (planned, mended)
        self.let_an_hour_pass()
        self.housekeeping()  # URLs of removed uploads have expired now.
        left = self.housekeeping()
        assert not left, left
        self.verify()
        return mended

    def verify(self) -> None:
        """Read every stored file, and compare it with its record; compare the keys with those of the records."""
        listed = {entry["Key"] for entry in get_client().list_objects_v2(Bucket=BUCKET)["Contents"]}
        stored = {upload.file_name: upload for upload in FileUpload.objects.stored()}
        # A removed direct upload stays marked until its last URL has expired.
        others = FileUpload.objects.exclude(status__in=["stored", "deleting"]).values("file_name", "status")
        assert not others, list(others)
        assert listed == stored.keys(), listed ^ stored.keys()
        for name, upload in stored.items():
            content = get_client().get_object(Bucket=BUCKET, Key=name)["Body"].read()
            assert len(content) == upload.size, name
            assert upload.checksum_sha256 in (None, "", sha256(content).hexdigest()), name


def _by_kind(findings: Findings) -> Counter[str]:
    counts = Counter[str]()
    for (kind, _outcome), number in findings.items():
        counts[kind] += number
    return counts
