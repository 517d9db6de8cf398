"""``manage.py live_token``: mints a token of an API key, for trying things out."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import CommandError

from spool_live import tokens
from spool_live.exceptions import SpoolLiveConfigurationError
from spool_live.management.output import ReportCommand
from spool_live.models import SiteApiKey


class Command(ReportCommand):
    """Mints a token of an active key, by the key's prefix."""

    help = "Mint a short-lived token of an API key."

    def add_arguments(self, parser: ArgumentParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("prefix", help="The key's prefix: see live_site list.")

    def handle(self, *args: Any, **options: Any) -> None:
        key = SiteApiKey.objects.filter(prefix=options["prefix"]).first()
        if key is None or not key.is_active():
            prefix = options["prefix"]
            raise CommandError(f"{prefix!r} is not an active API key: see live_site list.")
        try:
            token = tokens.mint(key)
        except SpoolLiveConfigurationError as error:
            raise CommandError(str(error)) from error
        row = {"token": token.encoded, "site_id": key.site_id, "expires_at": token.expires_at}
        self.report(row, [row], options)
