import asyncio
import json

import pytest
from asgiref.sync import sync_to_async
from django.contrib.auth.models import AnonymousUser, User
from django.http import HttpResponse
from django.test import RequestFactory

from s3_file_uploader.exceptions import FileTooLarge
from s3_file_uploader.middleware import StorageMiddleware
from s3_file_uploader.policy.request_user import get_request_user


def request_of(person, **headers):
    request = RequestFactory().get("/", headers=headers)
    if person is not None:
        request.user = person
    return request


@pytest.mark.parametrize(
    ("person", "expected"), [(User(pk=7), User(pk=7)), (User(), None), (AnonymousUser(), None), (None, None)]
)
def test_user_is_that_of_the_request(person, expected):
    seen = []
    answer = StorageMiddleware(lambda request: seen.append(get_request_user()) or HttpResponse())
    answer(request_of(person))
    assert seen == [expected]
    assert get_request_user() is None


def test_user_who_is_authenticated_in_the_view_counts():
    def view(request):
        request.user = User(pk=7)  # As Django REST framework does.
        return get_request_user()

    assert StorageMiddleware(view)(request_of(AnonymousUser())).pk == 7


def test_requests_that_run_at_once_keep_their_users():
    async def view(request):
        await asyncio.sleep(0)
        return await sync_to_async(get_request_user)()

    async def at_once():
        answer = StorageMiddleware(view)
        return await asyncio.gather(*(answer(request_of(User(pk=number))) for number in (1, 2, 3)))

    assert [person.pk for person in asyncio.run(at_once())] == [1, 2, 3]


def test_error_of_this_app_becomes_its_response():
    middleware = StorageMiddleware(lambda request: HttpResponse())
    error = FileTooLarge("Files up to 6 bytes are taken here.", limit={"max_file_bytes": 6})
    page = middleware.process_exception(request_of(None, accept="text/html"), error)
    assert (page.status_code, page.content, page["Content-Type"]) == (
        413,
        b"Files up to 6 bytes are taken here.",
        "text/plain; charset=utf-8",
    )
    body = middleware.process_exception(request_of(None, accept="application/json"), error)
    assert (body.status_code, json.loads(body.content)) == (
        413,
        {"code": "file_too_large", "detail": str(error), "limit": {"max_file_bytes": 6}},
    )
    assert middleware.process_exception(request_of(None), ValueError()) is None
