"""form-data (RFC 7578) read as it arrives: the file goes on while the fields around it are still coming.

    fields ... file ... fields
               │
               ├── it may be large, and the bucket is known     opened at once, and written as it comes
               ├── the whole form is no larger than a part      held back until it has ended, and sent from there
               └── else                                         held back likewise: in memory up to one part, beyond
                                                                that in a temporary file

A large file that is sent before its bucket costs a temporary file, therefore; everything else never touches a disk.
Django's own parser does the parsing, with its limits on fields (DATA_UPLOAD_MAX_*).
"""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field
from tempfile import SpooledTemporaryFile
from typing import IO, Any, Protocol, cast

from django.core.files.uploadhandler import FileUploadHandler, SkipFile
from django.http import HttpRequest, QueryDict
from django.http.multipartparser import MultiPartParser, MultiPartParserError
from rest_framework.exceptions import ParseError

from ...conf import conf
from ...exceptions import InvalidField, SizeMismatch
from ...s3.part_buffer import PartBuffer
from ...values import CHUNK_BYTES
from .body import RequestBody, was_read

FILE_FIELD = "file"
DECIDED_BY = "bucket"
# Half of what is read elsewhere at a time: Django's parser holds a handful of them.
FORM_CHUNK_BYTES = CHUNK_BYTES // 2


class Writable(Protocol):
    """Takes some bytes of the file."""

    def write(self, data: bytes, /) -> Any:
        """Take them."""


class Sink(Writable, Protocol):
    """Where the bytes of the file go in the end."""

    def take(self, body: PartBuffer, /) -> Any:
        """Take all of them at once, without a copy; the buffer is its own from then on."""


@dataclass(slots=True)
class FormFile:
    """The file of a form as its headers describe it."""

    name: str
    content_type: str
    content_type_extra: dict[str, Any] = field(default_factory=dict)
    size: int = 1  # Not known before its end; that it may be empty is not for a serializer to say.
    exact_size: int | None = None  # In bytes, where the whole file is here already.


Opener = Callable[[QueryDict, int | None], Sink]


class _Parser(MultiPartParser):
    """Django's parser, which tells what fields have come so far."""

    @property
    def fields(self) -> QueryDict:
        """Return a copy."""
        return cast(Any, self)._post.copy()  # type: ignore[no-any-return]

    @property
    def end(self) -> bytes:
        """Return the boundary behind the last part."""
        return b"--%b--" % cast(Any, self)._boundary


class _FileToSink(FileUploadHandler):
    """Leads the one file of the form to wherever it belongs."""

    chunk_size = FORM_CHUNK_BYTES

    def __init__(self, opened: Callable[[FormFile], Writable]) -> None:
        super().__init__()
        self.received: FormFile | None = None
        self._opened = opened
        self._sink: Writable

    def new_file(self, *args: Any, **kwargs: Any) -> None:
        """Take the first part called `file`, pass by files of other names."""
        super().new_file(*args, **kwargs)
        if self.field_name != FILE_FIELD:
            raise SkipFile
        if self.received is not None:
            raise InvalidField(FILE_FIELD, "Send one file a request.")
        self.received = FormFile(str(self.file_name), self.content_type or "", self.content_type_extra or {})
        self._sink = self._opened(self.received)

    def receive_data_chunk(self, raw_data: bytes, start: int) -> None:
        """Pass it on; nothing is kept."""
        self._sink.write(raw_data)

    def close(self) -> None:
        """Let go of where it goes, which knows this handler: parts in memory would wait for the garbage collector."""
        del self._opened

    def file_complete(self, file_size: int) -> None:
        """Leave no file behind for Django to keep."""


@contextmanager
def form_received(request: HttpRequest, opened: Opener) -> Iterator[QueryDict]:
    """Read a form to its end.

    Args:
        request: of type multipart/form-data, not read yet.
        opened: called once with the fields so far (`file` among them, a `FormFile`) and the number of bytes that the
            file has at most, None if nobody knows; returns where to write it. What it raises ends the reading.

    Yields:
        All fields; those behind the file may differ from what `opened` was told.

    Raises:
        ParseError: this is no form-data.
        SizeMismatch: it broke off.
    """
    with ExitStack() as stack:
        yield _parsed_before(request, opened) if was_read(request) else _Form(request, opened, stack).read()


def _parsed_before(request: HttpRequest, opened: Opener) -> QueryDict:
    """Take what Django has parsed already: a middleware of the host looked at `request.POST`."""
    fields, file = request.POST.copy(), request.FILES.get(FILE_FIELD)
    if file is not None:
        form_file = FormFile(file.name or "", file.content_type or "", file.content_type_extra or {})
        form_file.exact_size = file.size
        _with_file(fields, form_file)
        sink = opened(fields, file.size)
        for data in file.chunks(CHUNK_BYTES):
            sink.write(data)
    return fields


class _Form:
    """One form on its way in."""

    def __init__(self, request: HttpRequest, opened: Opener, stack: ExitStack) -> None:
        """Read its headers."""
        self._opened, self._stack = opened, stack
        self._held: PartBuffer | IO[bytes] | None = None
        self._body = RequestBody(request)
        self._handler = _FileToSink(self._sink_for)
        # Django takes a form without Content-Length for empty; any other number only says that there is one.
        meta = {**request.META, "CONTENT_LENGTH": 1 if self._body.length is None else self._body.length}
        with _form_errors():
            self._parser = _Parser(meta, cast(Any, self._body), [self._handler], request.encoding)

    def read(self) -> QueryDict:
        """Read to the end; a file that was held back goes on then."""
        with _form_errors(), closing(self._handler):
            fields: QueryDict = self._parser.parse()[0].copy()
        if self._body.received and self._parser.end not in self._body.tail:
            raise SizeMismatch("The form-data ended before its last boundary: send the whole file again.")
        if self._handler.received is not None:
            _with_file(fields, self._handler.received)
        if self._held is not None:
            self._replay(self._held, fields)
        return fields

    def _sink_for(self, file: FormFile) -> Writable:
        fields, at_most = self._parser.fields, self._body.length
        if fields.get(DECIDED_BY) and (at_most is None or at_most > conf.part_size_bytes):
            _with_file(fields, file)
            return self._opened(fields, at_most)
        if at_most is not None and at_most <= conf.part_size_bytes:
            self._held = PartBuffer(at_most)
        else:
            self._held = self._stack.enter_context(SpooledTemporaryFile(conf.part_size_bytes))  # noqa: SIM115 - the stack
        return self._held

    def _replay(self, held: PartBuffer | IO[bytes], fields: QueryDict) -> None:
        size = len(held) if isinstance(held, PartBuffer) else held.tell()
        cast(Any, fields[FILE_FIELD]).exact_size = size
        sink = self._opened(fields, size)
        if isinstance(held, PartBuffer):
            sink.take(held)
            return
        held.seek(0)
        while data := held.read(CHUNK_BYTES):
            sink.write(data)


def _with_file(fields: QueryDict, file: FormFile) -> None:
    """Put it where a serializer looks for it, as DRF does with the files of Django."""
    fields[FILE_FIELD] = cast(Any, file)


@contextmanager
def _form_errors() -> Iterator[None]:
    try:
        yield
    except MultiPartParserError as error:
        raise ParseError(f"The form-data cannot be read: {error}.") from error
