"""The view that most projects begin with: the file is read whole, then handed to boto3. Only to compare with."""

import os

import boto3
from django.core.wsgi import get_wsgi_application
from django.http import HttpRequest, JsonResponse
from django.urls import path
from django.views.decorators.csrf import csrf_exempt

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "modules.settings")
application = get_wsgi_application()

from modules import urls  # noqa: E402 - Django must be set up first


@csrf_exempt
def upload(request: HttpRequest) -> JsonResponse:
    """Read, then put."""
    file = request.FILES["file"]
    client = boto3.client("s3", endpoint_url=os.environ["AWS_S3_ENDPOINT_URL"])
    client.put_object(Bucket=request.POST["bucket"], Key=request.POST["file_name"], Body=file.read())
    return JsonResponse({"size": file.size}, status=201)


urls.urlpatterns.insert(0, path("modules/s3-file-uploader/service/file/upload/", upload))
