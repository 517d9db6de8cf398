"""``manage.py live_init``: shows what a project lacks for live updates; writes it on request."""

from __future__ import annotations

import json
import shutil
from argparse import ArgumentParser
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import CommandError

from spool_live.doctor.secrets import HIDDEN
from spool_live.management import local
from spool_live.management.output import ReportCommand, wrapped
from spool_live.starting import Addition, CannotWriteError, Project, missing_parts, write_all
from spool_live.starting.environment import names_a_supabase

NEXT = """\
Next, all at once on this machine (it migrates, makes a site and a key, delivers and serves):
  python manage.py live_start
Or step by step:
  python manage.py local_supabase   (in a terminal of its own, unless Supabase runs elsewhere)
  python manage.py migrate          (and with --database supabase, where that is an alias)
  python manage.py live_setup
  python manage.py live_site create "My site" --env-file .env
  python manage.py live_deliver --loop
  python manage.py live_doctor      says what is still wrong"""
HIDDEN_PART = "environment"
"""The part whose text is shown without its values."""


class Command(ReportCommand):
    """Shows what is missing, or writes it. Exit code 1 if something is still missing."""

    help = (
        "Show what the project lacks: settings, URLs, a live.py with a guess for each content "
        "model, Celery's schedule, lines for .env. --write appends it; no line that is there is "
        "changed. Before spool_live is in INSTALLED_APPS: python -m spool_live live_init."
    )
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("--write", action="store_true", help="Write what is missing.")
        parser.add_argument(
            "--supabase",
            metavar="FILE",
            help="The file that local_supabase --ready-file wrote: its addresses and secrets go "
            "into .env. Without it, and where nothing names a Supabase yet, they are those of "
            "the local Supabase that manage.py local_supabase starts here.",
        )
        parser.add_argument(
            "--example",
            action="store_true",
            help="Also an app with articles, and a login for the admin in .env.",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        project = Project.here()
        had_state = local.STATE_DIR.exists()
        supabase = _read(options["supabase"]) or _local(project, is_kept=options["write"])
        additions = missing_parts(project, supabase, with_example=options["example"])
        written: list[Path] = []
        if options["write"]:
            try:
                written = write_all(project, additions)
            except BaseException as error:
                if not had_state:
                    shutil.rmtree(local.STATE_DIR, ignore_errors=True)
                if isinstance(error, CannotWriteError):
                    raise CommandError(str(error)) from error
                raise
        rows = [_row(project, one, written) for one in additions]
        left = [row for row in rows if row["state"] == "missing"]
        if options["format"] == "json":
            self.report({"ok": not left, "missing": rows}, [], options)
        else:
            self.stdout.write(_text(rows))
            if not left:
                self.stdout.write(f"\n{NEXT}")
            elif any(row["file"] for row in left):
                self.stdout.write("\nNothing was written: --write does it.")
        if left:
            raise SystemExit(1)


def _row(project: Project, one: Addition, written: Sequence[Path]) -> dict[str, Any]:
    return {
        "part": one.part,
        "state": "written" if one.path in written else "missing",
        "why": one.why,
        "file": project.name_of(one.path) if one.path else None,
        "text": _shown(one),
    }


def _shown(one: Addition) -> str:
    if one.part != HIDDEN_PART:
        return one.text
    lines = (line.partition("=") for line in one.text.splitlines())
    return "".join(f"{name}={HIDDEN if value else ''}\n" for name, _, value in lines)


def _text(rows: Sequence[dict[str, Any]]) -> str:
    if not rows:
        return "Nothing is missing."
    parts = []
    for row in rows:
        where = row["file"] or "by hand"
        parts.append(wrapped(f"{row['state']}: {row['part']} ({where}). {row['why']}"))
        parts.append("".join(f"    {line}\n" for line in row["text"].splitlines()))
    return "\n".join(parts).rstrip("\n")


def _local(project: Project, *, is_kept: bool) -> dict[str, str]:
    """Return addresses and secrets of the local Supabase here, unless the project names another.

    They are stored in a folder only with ``is_kept``.
    """
    if names_a_supabase(project) or not settings.DEBUG:
        return {}
    try:
        from spool_live.local.config import LocalSupabaseConfig  # noqa: PLC0415 - of an extra
        from spool_live.local.summary import as_json  # noqa: PLC0415
    except ImportError:
        return {}
    if is_kept:
        return as_json(local.configuration())
    return as_json(LocalSupabaseConfig.generate(local.STATE_DIR))


def _read(name: str | None) -> dict[str, str]:
    if name is None:
        return {}
    try:
        given = json.loads(Path(name).read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise CommandError(f"{name} cannot be read ({type(error).__name__}).") from error
    if not isinstance(given, dict):
        raise CommandError(f"{name} is not what local_supabase --ready-file writes.")
    return {str(key): str(value) for key, value in given.items()}
