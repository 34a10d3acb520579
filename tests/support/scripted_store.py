"""Answers of S3 as a server of the tests sends them."""

from tests.support.answering import AnsweringServer

BUCKETS = b"<ListAllMyBucketsResult><Owner><ID>scripted</ID></Owner><Buckets/></ListAllMyBucketsResult>"


def build_error(code: str) -> bytes:
    """Return the document of an error."""
    return f"<Error><Code>{code}</Code><Message>scripted</Message></Error>".encode()


def list_buckets_server(status: int = 200, content: bytes = BUCKETS, **headers: str) -> AnsweringServer:
    """Return a server that answers each GET so."""
    server = AnsweringServer({"GET": (status, headers)})
    server.content = content
    return server
