"""Run by ``tests/distributions.py`` in an empty environment: does what was installed work there?

python -P extras.py [EXTRA,...]
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from ctypes.util import find_library
from pathlib import Path

BIN = Path(sys.executable).parent
APPS = ("django.contrib.auth", "django.contrib.contenttypes", "rest_framework", "spool_live")
ADMIN = ("django.contrib.admin", "django.contrib.messages", "django.contrib.sessions")
WAGTAIL = (
    *ADMIN,
    *("wagtail.sites", "wagtail.users", "wagtail.snippets", "wagtail.documents", "wagtail.images"),
    *("wagtail.search", "wagtail.admin", "wagtail", "modelcluster", "taggit", "django_filters"),
    "spool_live.contrib.wagtail",
)
DJANGO_CMS = (
    *ADMIN,
    *("django.contrib.sites", "cms", "menus", "treebeard", "sekizai"),
    *("spool_live.contrib.sites", "spool_live.contrib.djangocms"),
)
SETTINGS = """
SECRET_KEY = "only for a test"
USE_TZ = True
SITE_ID = 1
CMS_CONFIRM_VERSION4 = True
LANGUAGES = [("en", "English")]
LANGUAGE_CODE = "en"
STATIC_URL = "static/"
TEMPLATES = [{{
    "BACKEND": "django.template.backends.django.DjangoTemplates",
    "APP_DIRS": True,
    "OPTIONS": {{
        "context_processors": [
            "django.contrib.auth.context_processors.auth",
            "django.contrib.messages.context_processors.messages",
            "django.template.context_processors.i18n",
            "django.template.context_processors.request",
            "sekizai.context_processors.sekizai",
            "cms.context_processors.cms_settings",
        ]
    }},
}}]
DATABASES = {{"default": {{"ENGINE": "django.db.backends.sqlite3", "NAME": "content.sqlite3"}}}}
INSTALLED_APPS = {apps!r}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
SPOOL_LIVE = {{
    "BROADCASTER": "spool_live.broadcasters.memory.MemoryBroadcaster",
    "NUDGE": False,
}}
"""
COMMANDS = {
    "spool-live check": "client",
    "spool-live tail": "client",
    "spool-live-local": "local",
    "python -m spool_live live_init": "django",
}
"""Each console command, and the extra that it asks for."""
REMEDY = "pip install 'spool-live[binary]'"


def nothing() -> None:
    """Without an extra the package imports, and what needs one names it in one line."""
    python("import spool_live; assert spool_live.__version__")
    assert "'spool-live[django]'" in python("from spool_live import register", fails=True)
    assert "'spool-live[client]'" in python("import spool_live.client", fails=True)
    for command, extra in COMMANDS.items():
        program, *arguments = command.split()
        said = run(BIN / program, *arguments, fails=True)
        assert f"pip install 'spool-live[{extra}]'" in said, said
        assert len(said.splitlines()) == 1, said


def client() -> None:
    """The names, except for the one that needs Django, and the command."""
    python(
        "import spool_live.client as client\n"
        "for name in client.__all__:\n"
        "    name == 'create_spool_webhook_handler' or getattr(client, name)"
    )
    assert "check" in run(BIN / "spool-live", "--help")
    nowhere = {
        "SPOOL_SITE_ID": "3f3c9f0e-5c0b-4a57-9d39-6d6a54f1a7d1",
        "SPOOL_API_KEY": "spool_0123456789ab_" + "x" * 43 + "000000",
        "SPOOL_API_URL": "http://127.0.0.1:9/spool-live/",
    }
    said = run(BIN / "spool-live", "check", fails=True, **nowhere)
    assert "Traceback" not in said, said


def local() -> None:
    """A local Supabase starts, and stops when asked to."""
    file = Path("ready.json")
    words = ["--port=0", "--database-port=0", "--quiet", f"--ready-file={file}"]
    process = subprocess.Popen([BIN / "spool-live-local", *words])
    try:
        while not file.exists() and process.poll() is None:
            time.sleep(0.1)
        assert "url" in json.loads(file.read_text("utf-8"))
    finally:
        process.terminate()
        assert process.wait(60) == 0


def django(*more: str, imports: str = "") -> Callable[[], None]:
    """A project with these apps as well starts, and can import this."""

    def attempt() -> None:
        Path("settings.py").write_text(SETTINGS.format(apps=[*APPS, *more]), "utf-8")
        python(
            "import django\n"
            "django.setup()\n"
            "import spool_live, spool_live.urls\n"
            "for name in spool_live.__all__: getattr(spool_live, name)\n" + imports
        )

    return attempt


def django_alone() -> None:
    """With the system's libpq all is well; without one the last line names the remedy."""
    Path("settings.py").write_text(SETTINGS.format(apps=[*APPS]), "utf-8")
    check = (sys.executable, "-m", "django", "check")
    found = find_library("pq") is not None
    said = run(*check, fails=not found, DJANGO_SETTINGS_MODULE="settings")
    assert found or REMEDY in said.splitlines()[-1], said
    # The implementation in C is not installed: psycopg fails as it does without a libpq.
    said = run(*check, fails=True, DJANGO_SETTINGS_MODULE="settings", PSYCOPG_IMPL="c")
    assert REMEDY in said.splitlines()[-1], said


TRIES = {
    "": nothing,
    "client": client,
    "local": local,
    "django": django_alone,
    "django,binary": django(),
    "django,binary,openapi": django("drf_spectacular", imports="import spool_live.api.openapi"),
    "django,binary,wagtail": django(*WAGTAIL, imports="import spool_live.contrib.wagtail.pages"),
    "django,binary,djangocms": django(*DJANGO_CMS),
    "django,binary,health-check": django(imports="import spool_live.contrib.health_check"),
    "django,binary,metrics": django(imports="import spool_live.metrics"),
    "django,binary,opentelemetry": django(
        imports="from spool_live import tracing; assert tracing.trace"
    ),
}


def python(code: str, *, fails: bool = False) -> str:
    """Runs this code."""
    return run(sys.executable, "-c", code, fails=fails, DJANGO_SETTINGS_MODULE="settings")


def run(*words: str | Path, fails: bool = False, **environment: str) -> str:
    """What a command prints, or the errors of one that has to fail."""
    done = subprocess.run(
        words,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert (done.returncode != 0) is fails, f"{words}\n{done.stdout}\n{done.stderr}"
    return done.stderr + done.stdout if fails else done.stdout


if __name__ == "__main__":
    TRIES[sys.argv[1] if sys.argv[1:] else ""]()
