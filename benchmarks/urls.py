"""The API under test, and an empty DRF view beside it."""

from __future__ import annotations

from django.urls import include, path
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView


class EmptyView(APIView):
    """An empty view, as the lower bound of any DRF endpoint."""

    authentication_classes = []
    permission_classes = []

    def post(self, request: Request) -> Response:
        return Response({})


urlpatterns = [
    path("empty/", EmptyView.as_view()),
    path("spool-live/", include("spool_live.urls")),
]
