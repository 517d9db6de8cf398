"""``manage.py live_site``: manages sites and their API keys."""

from __future__ import annotations

from argparse import ArgumentParser, ArgumentTypeError
from datetime import timedelta
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError
from django.db import router, transaction
from django.utils import timezone

from spool_live import keys
from spool_live.keys.trail import Origin, acting
from spool_live.management.output import ReportCommand, add_format_to, hours
from spool_live.management.sites import find_site
from spool_live.models import Site, SiteApiKey
from spool_live.starting import environment

NO_SITES = "There are no sites yet: run manage.py live_site create NAME."


class Command(ReportCommand):
    """``create NAME``, ``list``, ``add-key SITE``, ``rotate PREFIX``, ``revoke PREFIX``.

    A new key is printed once, on standard output.
    """

    help = "Create sites and API keys, list, rotate and revoke them."

    def add_arguments(self, parser: ArgumentParser) -> None:
        super().add_arguments(parser)
        actions = parser.add_subparsers(dest="action", required=True)
        create = actions.add_parser("create", help="Create a site and its first key.")
        create.add_argument("name")
        shown = actions.add_parser("list", help="List sites and keys.")
        shown.add_argument("--probes", action="store_true", help="Also those of verify_live.")
        add = actions.add_parser("add-key", help="Add a key to a site.")
        add.add_argument("site", help="The site's id or name.")
        for parser_with_key in (create, add):
            parser_with_key.add_argument("--key-name", default="default")
            parser_with_key.add_argument("--note", default="")
            parser_with_key.add_argument("--expires-in-days", type=_days)
            parser_with_key.add_argument(
                "--env-file",
                type=Path,
                metavar="FILE",
                help="Append SPOOL_SITE_ID and SPOOL_API_KEY to this file and print no key.",
            )
        rotate = actions.add_parser("rotate", help="Replace a key; the old one ends after a while.")
        rotate.add_argument("prefix")
        rotate.add_argument(
            "--overlap-hours",
            type=hours,
            default=24.0,
            help="How long both keys are valid (default 24; 0 revokes the old one at once).",
        )
        revoke = actions.add_parser("revoke", help="Revoke a key permanently.")
        revoke.add_argument("prefix")
        add_format_to(actions)

    def handle(self, *args: Any, **options: Any) -> None:
        act = {
            "create": self._create,
            "list": self._list,
            "add-key": self._add_key,
            "rotate": self._rotate,
            "revoke": self._revoke,
        }[options["action"]]
        with acting(Origin.COMMAND):
            rows = act(options)
        self.report(rows, rows, options, empty=NO_SITES)

    def _create(self, options: Any) -> list[dict[str, Any]]:
        _refuse_unsafe(options["env_file"])
        with transaction.atomic(using=router.db_for_write(Site)):
            site = Site.objects.create(name=options["name"])
            return [_new_key(site, options)]

    def _list(self, options: Any) -> list[dict[str, Any]]:
        rows = []
        sites = Site.objects.prefetch_related("api_keys")
        for site in sites if options["probes"] else sites.filter(is_probe=False):
            row = {"site": site.name, "site_id": site.pk}
            known = [_key_row(key) for key in site.api_keys.all()]
            rows += [{**row, **key} for key in known or [_key_row(None)]]
        return rows

    def _add_key(self, options: Any) -> list[dict[str, Any]]:
        _refuse_unsafe(options["env_file"])
        return [_new_key(find_site(options["site"]), options)]

    def _rotate(self, options: Any) -> list[dict[str, Any]]:
        old = _find_key(options["prefix"])
        overlap = timedelta(hours=options["overlap_hours"])
        try:
            fresh, plain = keys.rotate_key(old, overlap=overlap)
        except ValueError as error:
            raise CommandError(f"{error} with live_site add-key {old.site_id}.") from error
        return [{"site": old.site.name, "prefix": fresh.prefix, "api_key": plain}]

    def _revoke(self, options: Any) -> list[dict[str, Any]]:
        key = _find_key(options["prefix"])
        keys.revoke_key(key)
        return [{"site": key.site.name, **_key_row(key)}]


def _new_key(site: Site, options: Any) -> dict[str, Any]:
    days = options["expires_in_days"]
    expires_at = None if days is None else timezone.now() + timedelta(days=days)
    key, plain = keys.create_key(
        site, name=options["key_name"], note=options["note"], expires_at=expires_at
    )
    row = {"site": site.name, "site_id": site.pk, "prefix": key.prefix, "api_key": plain}
    if options["env_file"] is not None:
        environment.append(options["env_file"], environment.of_key(site.pk, plain))
        row["api_key"] = f"in {options['env_file']}"
    return row


def _refuse_unsafe(path: Path | None) -> None:
    """Raise ``CommandError`` if a new key could not be written to ``path``: it would be lost."""
    if path is None:
        return
    try:
        environment.refuse_unsafe(path, environment.OF_KEY)
    except environment.UnsafeFileError as error:
        raise CommandError(str(error)) from error


def _key_row(key: SiteApiKey | None) -> dict[str, Any]:
    names = ("name", "prefix", "created_at", "last_used_at", "expires_at", "revoked_at")
    return {("key" if n == "name" else n): getattr(key, n) if key else None for n in names}


def _days(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= 36500:  # noqa: PLR2004 - a century
        raise ArgumentTypeError("must be a whole number of days, at least 1")
    return int(text)


def _find_key(prefix: str) -> SiteApiKey:
    try:
        return SiteApiKey.objects.select_related("site").get(prefix=prefix)
    except SiteApiKey.DoesNotExist:
        raise CommandError(f"No API key has the prefix {prefix!r}: see live_site list.") from None
