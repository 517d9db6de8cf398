"""Settings of the suite with the neighbours of a CMS installed (tox -e neighbours)."""

from __future__ import annotations

from tests.settings import *  # noqa: F403 - the settings of the suite, and more
from tests.settings import INSTALLED_APPS as _APPS
from tests.settings import MIDDLEWARE as _MIDDLEWARE

INSTALLED_APPS = [
    "modeltranslation",
    "unfold",
    *(app for app in _APPS if app != "tests.testapp"),
    "django.contrib.sites",
    "django.contrib.staticfiles",
    "import_export",
    "mptt",
    "parler",
    "polymorphic",
    "reversion",
    "simple_history",
    "treebeard",
    "spool_live.contrib.sites",
    "tests.neighbours",
]
MIDDLEWARE = [*_MIDDLEWARE, "django.middleware.locale.LocaleMiddleware"]
ROOT_URLCONF = "tests.neighbours.urls"

LANGUAGE_CODE = "en"
LANGUAGES = [("en", "English"), ("de", "Deutsch")]
MODELTRANSLATION_DEFAULT_LANGUAGE = "en"
PARLER_LANGUAGES = {None: ({"code": "en"}, {"code": "de"}), "default": {"fallbacks": ["en"]}}
