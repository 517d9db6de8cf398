"""What a project lacks, and the text that adds each part of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from celery import current_app
from django.apps import apps
from django.conf import settings
from django.db import connections
from django.urls import NoReverseMatch, reverse

from spool_live.checks.project import CELERYS_OWN
from spool_live.checks.settings import ROUTER
from spool_live.collections import registry
from spool_live.starting import environment, example
from spool_live.starting.additions import Addition
from spool_live.starting.guesses import guess, module, site_path
from spool_live.starting.project import Project

KEYS = {
    "SUPABASE_URL": "SUPABASE_URL",
    "SUPABASE_PUBLISHABLE_KEY": "SUPABASE_PUBLISHABLE_KEY",
    "SUPABASE_SECRET_KEY": "SUPABASE_SECRET_KEY",
    "JWT_SIGNING_KEY": "SUPABASE_JWT_SECRET",
}
"""Keys of ``SPOOL_LIVE``, and the variables of the environment that hold them."""
ALIAS = "supabase"
SWEEP = "spool_live.sweep"
ONE_SITE = "My site"
"""The name of the site in a project that has only one."""


def missing_parts(
    project: Project, supabase: Mapping[str, str] | None = None, *, with_example: bool = False
) -> list[Addition]:
    """Return what the project lacks.

    ``supabase`` holds the addresses and secrets of a local Supabase that go into ``.env``, as
    ``local_supabase --ready-file`` writes them. ``with_example`` adds an app with articles.
    """
    return [
        *_apps(project),
        *(example.missing(project) if with_example else ()),
        *environment.reader(project, _variables()),
        *_database(project),
        *_settings(project),
        *_schedule(project),
        *_urls(project),
        *_collections(project),
        *environment.missing(project, _variables(), supabase or {}),
        *(example.login(project) if with_example else ()),
    ]


def _apps(project: Project) -> Iterator[Addition]:
    lacking = [] if apps.is_installed("rest_framework") else ["rest_framework"]
    if not project.lists_app("spool_live"):
        lacking.append("spool_live")
    if lacking:
        names = ", ".join(f'"{name}"' for name in lacking)
        yield Addition(
            "apps",
            f"INSTALLED_APPS lacks {', '.join(lacking)}.",
            f"INSTALLED_APPS = [*INSTALLED_APPS, {names}]\n",
            project.settings_file,
        )


def needs_alias() -> bool:
    """Return whether the settings need an alias for the Supabase database.

    They do in a new project, unless they have it or the default database is at Supabase.
    """
    if hasattr(settings, "SPOOL_LIVE"):
        return False
    host = str(connections["default"].settings_dict.get("HOST") or "")
    is_supabase = host.endswith((".supabase.co", ".supabase.com"))
    return not is_supabase and ALIAS not in connections


def is_single_site(project: Project) -> bool:
    """Return whether the whole project is one site: ``SITE`` is set, or in a new project no model
    of its own has a path to a site."""
    if getattr(settings, "SPOOL_LIVE", {}).get("SITE"):
        return True
    models = [model for app in project.own_apps() for model in app.get_models()]
    is_new = not hasattr(settings, "SPOOL_LIVE")
    return is_new and not any(site_path(model) for model in models)


def _database(project: Project) -> Iterator[Addition]:
    if not needs_alias():
        return
    routers = "*DATABASE_ROUTERS, " if settings.DATABASE_ROUTERS else ""
    text = f"""\
import os

# The database that Supabase serves: for migrate, live_setup and the audits only.
DATABASES["{ALIAS}"] = {{
    "ENGINE": "django.db.backends.postgresql",
    "HOST": os.environ.get("SUPABASE_DB_HOST", ""),
    "PORT": os.environ.get("SUPABASE_DB_PORT", "5432"),
    "NAME": os.environ.get("SUPABASE_DB_NAME", "postgres"),
    "USER": os.environ.get("SUPABASE_DB_USER", "postgres"),
    "PASSWORD": os.environ.get("SUPABASE_DB_PASSWORD", ""),
}}
DATABASE_ROUTERS = [{routers}"{ROUTER}"]
"""
    if connections["default"].vendor == "sqlite":
        text += (
            "# An edit and a delivery may meet: without this one of them fails.\n"
            'DATABASES["default"].setdefault("OPTIONS", {})["transaction_mode"] = "IMMEDIATE"\n'
        )
    why = "DATABASES has no alias for the Supabase database."
    yield Addition("database", why, text, project.settings_file)


def _settings(project: Project) -> Iterator[Addition]:
    if hasattr(settings, "SPOOL_LIVE"):
        lacking = [key for key in KEYS if key not in settings.SPOOL_LIVE]
        if lacking:
            given = "".join(f"    {_line(key)}\n" for key in lacking)
            yield Addition("settings", "SPOOL_LIVE lacks keys.", f"SPOOL_LIVE:\n{given}", None)
        return
    lines = [_line(key) for key in KEYS]
    if needs_alias() or ALIAS in connections:
        lines.append(f'"SUPABASE_DATABASE": "{ALIAS}",')
    if is_single_site(project):
        lines.append(f'"SITE": "{ONE_SITE}",  # the only one: manage.py live_site create makes it')
    if not _has_celery():
        lines.append('"NUDGE": False,  # no Celery yet: manage.py live_deliver --loop delivers')
    body = "".join(f"    {line}\n" for line in lines)
    text = (
        "import os\n\n# Live updates. What is secret comes from the environment.\n"
        f"SPOOL_LIVE = {{\n{body}}}\n"
    )
    yield Addition("settings", "SPOOL_LIVE is not set.", text, project.settings_file)


def _schedule(project: Project) -> Iterator[Addition]:
    scheduled = (current_app.conf.beat_schedule or {}).values()
    if not _has_celery() or any(entry.get("task") == SWEEP for entry in scheduled):
        return
    known = "**CELERY_BEAT_SCHEDULE, " if hasattr(settings, "CELERY_BEAT_SCHEDULE") else ""
    yield Addition(
        "schedule",
        "Celery's schedule lacks our tasks (sweep, cleanup, alerts, verify_rls).",
        "from spool_live.tasks import BEAT_SCHEDULE\n\n"
        f"CELERY_BEAT_SCHEDULE = {{{known}**BEAT_SCHEDULE}}\n",
        project.settings_file,
    )


def _urls(project: Project) -> Iterator[Addition]:
    try:
        reverse("spool_live:token")
    except NoReverseMatch:
        yield Addition(
            "urls",
            "spool_live.urls is not mounted.",
            "from django.urls import include, path\n\n"
            'urlpatterns = [path("spool-live/", include("spool_live.urls")), *urlpatterns]\n',
            project.urls_file,
        )


def _collections(project: Project) -> Iterator[Addition]:
    known = {collection.model for collection in registry}
    for app in project.own_apps():
        models = [model for model in app.get_models() if model not in known]
        one_site = is_single_site(project)
        guesses = [found for model in models if (found := guess(model, one_site=one_site))]
        if guesses:
            path = Path(app.path) / "live.py"
            names = ", ".join(one.model.__name__ for one in guesses)
            yield Addition(
                "collections",
                f"{names} of {app.label} could have live updates.",
                module(guesses),
                None if path.exists() else path,  # its author may have left them out on purpose
            )


def _variables() -> list[str]:
    """Return the variables that the settings read, or would read."""
    given = getattr(settings, "SPOOL_LIVE", {})
    names = [variable for key, variable in KEYS.items() if not given.get(key)]
    return [*names, *environment.DATABASE] if needs_alias() else names


def _line(key: str) -> str:
    return f'"{key}": os.environ.get("{KEYS[key]}", ""),'


def _has_celery() -> bool:
    return current_app.main != CELERYS_OWN
