"""Settings of the suite with django CMS (tox -e djangocms); ``SPOOL_LIVE_TEST_VERSIONING`` adds
djangocms-versioning."""

from __future__ import annotations

import os

from tests.settings import *  # noqa: F403 - the settings of the suite, and more
from tests.settings import INSTALLED_APPS as _APPS
from tests.settings import MIDDLEWARE as _MIDDLEWARE
from tests.settings import TEMPLATES as _TEMPLATES

VERSIONING = bool(os.environ.get("SPOOL_LIVE_TEST_VERSIONING"))

INSTALLED_APPS = [
    *(app for app in _APPS if app != "tests.testapp"),
    "django.contrib.sites",
    "django.contrib.staticfiles",
    "cms",
    "menus",
    "sekizai",
    "treebeard",
    *(["djangocms_versioning"] if VERSIONING else []),
    "spool_live.contrib.sites",
    "spool_live.contrib.djangocms",
    "tests.djangocms",
]
MIDDLEWARE = [
    *_MIDDLEWARE,
    "django.middleware.locale.LocaleMiddleware",
    "cms.middleware.user.CurrentUserMiddleware",
    "cms.middleware.page.CurrentPageMiddleware",
    "cms.middleware.toolbar.ToolbarMiddleware",
    "cms.middleware.language.LanguageCookieMiddleware",
]
TEMPLATES = [dict(_TEMPLATES[0])]
TEMPLATES[0]["OPTIONS"] = {
    "context_processors": [
        *_TEMPLATES[0]["OPTIONS"]["context_processors"],
        "django.template.context_processors.i18n",
        "sekizai.context_processors.sekizai",
        "cms.context_processors.cms_settings",
    ]
}
ROOT_URLCONF = "tests.djangocms.urls"
SITE_ID = 1
LANGUAGE_CODE = "en"
LANGUAGES = [("en", "English"), ("de", "Deutsch")]
CMS_CONFIRM_VERSION4 = True
CMS_TEMPLATES = [("djangocms/page.html", "Page")]
CMS_PERMISSION = False
X_FRAME_OPTIONS = "SAMEORIGIN"
