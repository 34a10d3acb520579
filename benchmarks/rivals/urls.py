"""The URLs of the rivals."""

from django.urls import include, path

from . import views

urlpatterns = [
    path("naive/upload/", views.NaiveUpload.as_view()),
    path("whole/upload/", views.WholeUpload.as_view()),
    path("storages/upload/", views.StoragesUpload.as_view()),
    path("stream/<path:key>", views.SmallChunks.as_view()),
    path("whole/<path:key>", views.ReadWhole.as_view()),
    path("empty/", views.Empty.as_view()),
    path("insert/", views.Insert.as_view()),
    path("presigned/", views.PresignedPut.as_view()),
    path("serialized/", views.SerializedPut.as_view()),
    path("multipart/", views.PresignedMultipart.as_view()),
    path("multipart/<uuid:pk>/", views.PresignedParts.as_view()),
    path("s3-file-field/", include("s3_file_field.urls")),
]
