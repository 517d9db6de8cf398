"""A Wagtail project of two sites: the suite's settings, and Wagtail.

Its tables are made without the two hundred migrations of Wagtail's apps, which is all that these
tests do without.
"""

from __future__ import annotations

import os

from tests.settings import *  # noqa: F403
from tests.settings import DATABASES as _DATABASES
from tests.settings import MIDDLEWARE as _MIDDLEWARE
from tests.settings import STATE_DIR
from tests.settings import TEMPLATES as _TEMPLATES

_TRANSLATION = (
    ["wagtail_localize", "wagtail_localize.locales"]
    if os.environ.get("SPOOL_LIVE_TEST_LOCALIZE")
    else ["wagtail.contrib.simple_translation", "wagtail.locales"]
)
_WAGTAIL = [
    *_TRANSLATION,
    "wagtail.sites",
    "wagtail.users",
    "wagtail.snippets",
    "wagtail.documents",
    "wagtail.images",
    "wagtail.search",
    "wagtail.admin",
    "wagtail",
]
INSTALLED_APPS = [
    "tests.contrib.wagtail.content",
    "spool_live",
    "spool_live.contrib.wagtail",
    *_WAGTAIL,
    "modelcluster",
    "taggit",
    "django_filters",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.messages",
    "django.contrib.sessions",
    "django.contrib.staticfiles",
    "rest_framework",
]
MIGRATION_MODULES = dict.fromkeys(
    (
        *("content", "wagtailcore", "wagtailadmin", "wagtailimages", "wagtaildocs", "wagtailusers"),
        *("wagtailembeds", "wagtailsearch", "modelsearch", "simple_translation", "taggit"),
        *("wagtail_localize", "admin", "auth", "contenttypes", "sessions"),
    )
)
MIDDLEWARE = [*_MIDDLEWARE, "django.middleware.csrf.CsrfViewMiddleware"]
TEMPLATES = _TEMPLATES
ROOT_URLCONF = "tests.contrib.wagtail.urls"
DATABASES = {"default": _DATABASES["default"]}
MEDIA_ROOT = STATE_DIR / "media"
MEDIA_URL = "/media/"
LANGUAGES = WAGTAIL_CONTENT_LANGUAGES = [("en", "English"), ("de", "German")]
LANGUAGE_CODE = "en"
USE_I18N = True
WAGTAIL_I18N_ENABLED = True
WAGTAIL_GRAVATAR_PROVIDER_URL = None
WAGTAIL_SITE_NAME = "Harbour"
WAGTAILADMIN_BASE_URL = "http://localhost"
WAGTAILADMIN_NOTIFICATION_INCLUDE_SUPERUSERS = False
WAGTAILSEARCH_BACKENDS = {
    "default": {"BACKEND": "wagtail.search.backends.database", "AUTO_UPDATE": False}
}
