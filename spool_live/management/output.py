"""The base of our commands: tables for people, and JSON for machines."""

from __future__ import annotations

import json
import textwrap
from argparse import SUPPRESS, ArgumentParser, ArgumentTypeError
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.core.serializers.json import DjangoJSONEncoder
from django.db import DatabaseError
from django.utils import timezone

WIDTH = 100
"""Columns that every terminal is expected to have."""


FORMATS = ("table", "json")


def add_format_to(actions: Any) -> None:
    """Add ``--format`` to all subcommands in ``actions`` (what ``add_subparsers`` returned).

    So it is accepted after a subcommand as well as before it.
    """
    for parser in actions.choices.values():
        parser.add_argument("--format", choices=FORMATS, default=SUPPRESS, help=SUPPRESS)


class ReportCommand(BaseCommand):
    """A command that reports rows, as a table or as JSON (``--format``)."""

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--format",
            choices=FORMATS,
            default="table",
            help="A table for people (default) or JSON for machines.",
        )

    def execute(self, *args: Any, **options: Any) -> str | None:
        """Execute the command. Raises ``CommandError`` if a database does not answer."""
        try:
            return super().execute(*args, **options)
        except DatabaseError as error:
            reason = str(error).strip().partition("\n")[0]
            raise CommandError(
                f"The database does not answer ({reason}): check DATABASES, and run manage.py "
                "migrate."
            ) from error

    def report(
        self, value: Any, rows: Sequence[Mapping[str, Any]], options: Any, *, empty: str = ""
    ) -> None:
        """Write ``value`` as JSON, or ``rows`` as a table, as the options say.

        ``empty`` is the sentence that stands for a table without rows.
        """
        if options["format"] == "json":
            self.stdout.write(json.dumps(value, cls=DjangoJSONEncoder, indent=2))
        else:
            self.stdout.write(table(rows) if rows else empty)


def table(rows: Sequence[Mapping[str, Any]]) -> str:
    """Return ``rows``, at least one, in aligned columns under the names of the first row's keys."""
    names = list(rows[0])
    cells = [names, *[[_cell(row[name]) for name in names] for row in rows]]
    widths = [max(len(line[i]) for line in cells) for i in range(len(names))]
    lines = ["  ".join(c.ljust(w) for c, w in zip(line, widths, strict=True)) for line in cells]
    rule = "  ".join("-" * width for width in widths)
    return "\n".join(line.rstrip() for line in (lines[0], rule, *lines[1:]))


def _cell(value: Any) -> str:
    if isinstance(value, datetime):
        return timezone.localtime(value).isoformat(" ", "seconds")
    return "" if value is None else str(value)


def wrapped(text: str) -> str:
    """Return ``text`` in lines that fit a terminal."""
    return textwrap.fill(text, WIDTH, break_long_words=False, break_on_hyphens=False)


def seconds(text: str) -> float:
    """Return an option's number of seconds, up to an hour. Raises ``ArgumentTypeError``."""
    try:
        number = float(text)
    except ValueError:
        number = 0.0
    if not 0 < number <= 3600:  # noqa: PLR2004 - an hour
        raise ArgumentTypeError("must be a number of seconds above 0, at most 3600")
    return number


def hours(text: str) -> float:
    """Return an option's number of hours, up to a year. Raises ``ArgumentTypeError``."""
    try:
        number = float(text)
    except ValueError:
        number = -1.0
    if not 0 <= number <= 24 * 365:
        raise ArgumentTypeError("must be a number of hours from 0 to a year")
    return number
