from django.contrib import admin
from django.urls import include, path

urlpatterns = [
    path("admin/", admin.site.urls),
    path("spool-live/", include("spool_live.urls")),
    path("", include("demo_project.newsroom.urls")),
]
