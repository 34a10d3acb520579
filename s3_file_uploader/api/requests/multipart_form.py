"""Read form-data (RFC 7578) as it arrives: the fields, then the file as a stream.

    fields ... file ... fields
               │
               ├── it may be larger than a part, and the bucket is known     streamed while it arrives
               └── else                                                      held back until the form has ended

A file that is held back stays in memory up to the size of a part. Beyond that it goes to a temporary file, which only
happens to a large file that is sent before its bucket. Django parses the parts, and its limits apply
(DATA_UPLOAD_MAX_*).
"""

from base64 import b64decode
from binascii import Error as Base64Error
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from tempfile import SpooledTemporaryFile
from typing import Any, cast

from django.conf import settings
from django.core.exceptions import RequestDataTooBig, TooManyFieldsSent, TooManyFilesSent
from django.http import HttpRequest, QueryDict
from django.http.multipartparser import (
    FIELD,
    FILE,
    ChunkIter,
    LazyStream,
    MultiPartParser,
    MultiPartParserError,
    Parser,
)
from django.utils.encoding import force_str
from rest_framework.exceptions import ParseError

from ...conf import conf
from ...exceptions import InvalidField, SizeMismatch
from ...values import CHUNK_BYTES
from .body import RequestBody, was_read

FILE_FIELD = "file"
BUCKET_FIELD = "bucket"
# Half of a usual read: Django's parser holds a handful of them.
FORM_CHUNK_BYTES = CHUNK_BYTES // 2


@dataclass(slots=True)
class FormFile:
    """The file of a form.

    Attributes:
        name: as the client calls it, without folders.
        content_type: as the client declares it, with its parameters.
        chunks: the content, to read once.
        size: in bytes; None while the file arrives.
        at_most: the number of bytes that it can have; None if that is unknown.
    """

    name: str
    content_type: str
    chunks: Iterable[bytes]
    size: int | None = None
    at_most: int | None = None


@contextmanager
def read_form(request: HttpRequest) -> Iterator[tuple[QueryDict, FormFile | None]]:
    """Read a form up to its file.

    Yields:
        The fields and the file, None if the form has none. Fields that follow the file are added to the others before
        `chunks` ends. The file works within the block only.

    Raises:
        ParseError: the body is no form-data; raised by `chunks`, too.
        SizeMismatch: the form broke off; raised by `chunks`, too.
    """
    if was_read(request):
        yield request.POST.copy(), _take_parsed_file(request)
    else:
        with ExitStack() as stack:
            form = _Form(request)
            yield form.fields, form.open_file(stack)


def _take_parsed_file(request: HttpRequest) -> FormFile | None:
    """Return the file that Django has parsed: a middleware of the host looked at `request.POST`."""
    file = request.FILES.get(FILE_FIELD)
    if file is None:
        return None
    content_type = _join_content_type(file.content_type or "", file.content_type_extra or {})
    return FormFile(file.name or "", content_type, file.chunks(CHUNK_BYTES), file.size, file.size)


class _Form(MultiPartParser):
    """Read a form part by part, by the rules of Django's parser, which would hand over the file by callbacks."""

    def __init__(self, request: HttpRequest) -> None:
        self._body = RequestBody(request)
        with _parse_errors():
            super().__init__(request.META, cast(Any, self._body), [], request.encoding)
        own = cast(Any, self)  # Django's stubs leave out what is not documented.
        self._coding, self._end = own._encoding, b"--%b--" % own._boundary
        self._parts = iter(Parser(LazyStream(ChunkIter(cast(Any, self._body), FORM_CHUNK_BYTES)), own._boundary))
        self._part_count = self._file_count = self._field_bytes = 0
        self.fields = QueryDict(mutable=True)

    def open_file(self, stack: ExitStack) -> FormFile | None:
        """Read to the file; read it, too, if it is held back."""
        with _parse_errors():
            file = self._find_file()
        at_most = self._body.length
        if file is None or (self.fields.get(BUCKET_FIELD) and (at_most is None or at_most > conf.part_size_bytes)):
            return file
        held = stack.enter_context(SpooledTemporaryFile(conf.part_size_bytes))  # noqa: SIM115 - the stack closes it
        for chunk in file.chunks:
            held.write(chunk)
        file.size = file.at_most = held.tell()
        held.seek(0)
        file.chunks = iter(partial(held.read, CHUNK_BYTES), b"")
        return file

    def _find_file(self) -> FormFile | None:
        """Read the fields up to the next file, or to the end."""
        for kind, headers, stream in self._parts:
            self._count(kind)
            names = cast(dict[str, bytes], headers.get("content-disposition", ("", {}))[1])
            name = self._decode(names["name"]).strip() if "name" in names else None
            is_base64 = headers.get("content-transfer-encoding", ("", {}))[0].strip() == "base64"
            if kind == FILE and name == FILE_FIELD:
                file_name = self.sanitize_file_name(self._decode(names["filename"]))
                if file_name:
                    content_type = _join_content_type(*headers.get("content-type", ("", {})))
                    return FormFile(
                        file_name, content_type, self._read_file(stream, is_base64), None, self._body.length
                    )
            if kind == FIELD and name is not None:
                self._add_field(name, stream, is_base64)
            deque(stream, maxlen=0)
        if self._body.received and self._end not in self._body.tail:
            raise SizeMismatch("The form-data ended before its last boundary: send the whole file again.")
        return None

    def _read_file(self, stream: LazyStream, is_base64: bool) -> Iterator[bytes]:
        """Yield the content of the file, and read the rest of the form before the end."""
        with _parse_errors():
            yield from _decode_base64(stream) if is_base64 else stream
            if self._find_file() is not None:
                raise InvalidField(FILE_FIELD, "Send one file a request.")

    def _count(self, kind: str) -> None:
        """Count a part, up to the limits of Django; it counts two empty parts around the form among the fields."""
        if kind == FILE:
            self._file_count += 1
        else:
            self._part_count += 1
        files, fields = settings.DATA_UPLOAD_MAX_NUMBER_FILES, settings.DATA_UPLOAD_MAX_NUMBER_FIELDS
        if files is not None and self._file_count > files:
            raise TooManyFilesSent("The number of files exceeded settings.DATA_UPLOAD_MAX_NUMBER_FILES.")
        if fields is not None and self._part_count > fields + 2:
            raise TooManyFieldsSent("The number of parameters exceeded settings.DATA_UPLOAD_MAX_NUMBER_FIELDS.")

    def _add_field(self, name: str, stream: LazyStream, is_base64: bool) -> None:
        limit = settings.DATA_UPLOAD_MAX_MEMORY_SIZE
        data = stream.read(None if limit is None else limit - self._field_bytes)
        self._field_bytes += len(data) + len(name) + 2  # `&` and `=` of a form in a URL.
        if limit is not None and self._field_bytes > limit:
            raise RequestDataTooBig("The fields exceeded settings.DATA_UPLOAD_MAX_MEMORY_SIZE.")
        if is_base64:
            with suppress(Base64Error):
                data = b64decode(data)
        self.fields.appendlist(name, self._decode(data))

    def _decode(self, data: bytes) -> str:
        return force_str(data, self._coding, errors="replace")


def _decode_base64(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """Decode four characters at a time, whatever the chunks are cut into."""
    rest = b""
    for chunk in chunks:
        text = rest + b"".join(chunk.split())
        end = len(text) // 4 * 4
        rest = text[end:]
        try:
            yield b64decode(text[:end], validate=True)
        except Base64Error as error:
            raise MultiPartParserError("Could not decode base64 data") from error
    if rest:
        raise MultiPartParserError("Could not decode base64 data")


def _join_content_type(essence: str, parameters: Mapping[str, bytes | str]) -> str:
    """Return a content type as it was sent: Django takes off its parameters, and leaves their values as bytes."""
    return "; ".join([essence.strip(), *(f"{name}={force_str(value)}" for name, value in parameters.items())])


@contextmanager
def _parse_errors() -> Iterator[None]:
    try:
        yield
    except (MultiPartParserError, LookupError, UnicodeError) as error:  # Codecs such as hex or idna decode no text.
        raise ParseError(f"The form-data cannot be read: {error}.") from error
