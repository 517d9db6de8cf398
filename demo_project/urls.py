from django.conf import settings
from django.contrib import admin
from django.urls import URLPattern, URLResolver, include, path

urlpatterns: list[URLPattern | URLResolver] = [
    path("admin/", admin.site.urls),
    path("spool-live/", include("spool_live.urls")),
    path("", include("demo_project.newsroom.urls")),
]

if settings.SIDECAR in settings.INSTALLED_APPS:
    from drf_spectacular.views import SpectacularSwaggerView

    page = SpectacularSwaggerView.as_view(url_name="spool_live:schema")
    urlpatterns.insert(1, path("spool-live/docs/", page, name="api-docs"))
