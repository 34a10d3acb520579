"""Files to start from."""

import io

from s3_file_uploader.models import FileUpload
from s3_file_uploader.services import file_upload


def stored_file(owner, bucket, file_name="file", content=b"content", **options) -> FileUpload:
    """Upload through the service itself."""
    wanted = {"user": owner, "content_type": "text/plain", "original_name": "my file.txt", **options}
    return file_upload(
        owner=owner, bucket=bucket, file_name=file_name, content=io.BytesIO(content), size=len(content), **wanted
    )
