"""Django's admin of the records: staff can view and open files, and delete them together with their objects.

uploads.py          the list and the details of uploads; upload_*.py have their columns, actions, files and deletion
usage.py            bytes by user and bucket
share_links.py  upload_tokens.py  audit_events.py
user_links.py       links from a host's own user admin
filters.py  user_filter.py  searching.py  paginator.py    lists of a million rows
"""

from .audit_events import AuditEventAdmin
from .share_links import ShareLinkAdmin
from .upload_tokens import UploadTokenAdmin
from .uploads import FileUploadAdmin
from .user_links import UserLinksMixin

__all__ = ["AuditEventAdmin", "FileUploadAdmin", "ShareLinkAdmin", "UploadTokenAdmin", "UserLinksMixin"]
