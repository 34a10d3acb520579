"""What integrators can listen to; sent after the record is committed, errors of a receiver are logged only.

Both send `upload`, the `FileUpload`; after a deletion it is no longer in the database.
"""

from django.dispatch import Signal

file_uploaded = Signal()
file_deleted = Signal()
