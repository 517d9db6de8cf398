"""``manage.py live_start``: runs a project with live updates, all of it on this machine."""

from __future__ import annotations

import os
from argparse import ArgumentParser
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import urljoin

from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError
from django.db import DEFAULT_DB_ALIAS, DatabaseError
from django.urls import NoReverseMatch, reverse

from spool_live import keys
from spool_live.conf import live_settings
from spool_live.management import local
from spool_live.management.children import Children, interrupted_by_sigterm
from spool_live.models import Site, SiteDelivery
from spool_live.starting import environment
from spool_live.starting.parts import ONE_SITE
from spool_live.supabase.databases import content_databases

ENV_FILE = Path(".env")
API_URL = "SPOOL_API_URL"
PORT = 8000


class Command(BaseCommand):
    """Starts a local Supabase, prepares a site with a key, delivers, serves, and shows updates."""

    help = (
        "Run the project with live updates on this machine, for development: a local Supabase, "
        "migrations, a site and its key, what delivers, Django's server. Shows each update. "
        "Ctrl-C stops everything."
    )
    requires_system_checks: list[str] = []  # there is no database yet

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--port",
            type=int,
            help=f"Port of Django's server ({PORT}, or any free one where that is taken).",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        if not settings.DEBUG:
            raise CommandError("live_start is for development: it refuses settings.DEBUG = False")
        config = local.configuration()
        config = replace(config, pace=replace(config.pace, cold_start=0.0))
        local.refuse_another_supabase(config)
        from spool_live.local.exceptions import LocalSupabaseError  # noqa: PLC0415 - of an extra
        from spool_live.local.server import running_local_supabase  # noqa: PLC0415

        try:
            with interrupted_by_sigterm(), running_local_supabase(config):
                self._write(f"The local Supabase answers at {config.url}")
                port = options["port"] or local.free_port(PORT)
                self._prepare(port)
                self._run(port)
        except KeyboardInterrupt:
            self._write("\nStopped.")
        except LocalSupabaseError as error:
            raise CommandError(str(error)) from error
        except DatabaseError as error:
            reason = str(error).strip().partition("\n")[0]
            raise CommandError(
                f"A database refused ({reason}): check DATABASES and your migrations."
            ) from error

    def _prepare(self, port: int) -> None:
        """Prepare databases, user, site and key. What exists already is used."""
        ours = (DEFAULT_DB_ALIAS, *content_databases(), live_settings().supabase_database)
        for alias in dict.fromkeys(ours):
            call_command("migrate", database=alias)
        call_command("live_setup")
        self._make_user()
        self._make_key()
        mounted = urljoin(f"http://127.0.0.1:{port}{reverse('spool_live:token')}", "..")
        os.environ[API_URL] = mounted

    def _make_user(self) -> None:
        """Create the user who signs in to the admin, from the variables of ``createsuperuser``."""
        user = get_user_model()
        name = os.environ.get("DJANGO_SUPERUSER_USERNAME")
        if not name or not os.environ.get("DJANGO_SUPERUSER_PASSWORD"):
            return
        if not user._default_manager.filter(**{user.USERNAME_FIELD: name}).exists():
            call_command("createsuperuser", interactive=False)

    def _make_key(self) -> None:
        """Create a key for the first site, unless the environment has a key."""
        if all(os.environ.get(name) for name in environment.OF_KEY):
            return
        try:
            environment.refuse_unsafe(ENV_FILE, environment.OF_KEY)
            site = self._site()
            _, plain = keys.create_key(site, name="live_start")
            values = environment.of_key(site.pk, plain)
            environment.append(ENV_FILE, values)
        except environment.UnsafeFileError as error:
            raise CommandError(str(error)) from error
        os.environ.update(values)
        self._write(f"The site {site.name} has a key: {' and '.join(values)} are in {ENV_FILE}")

    def _site(self) -> Site:
        named = live_settings().site
        known = Site.objects.filter(is_probe=False)
        found = known.filter(name=named).first() or known.order_by("created_at").first()
        return found or Site.objects.create(name=named or ONE_SITE)

    def _run(self, port: int) -> None:
        children = Children()
        try:
            children.start("live_deliver", "--loop", is_silent=True)
            children.start("runserver", f"127.0.0.1:{port}")
            children.wait_for_port("runserver", port)
            since = str(_last_seq())
            self._write_addresses(port)
            children.start("live_tail", "--since", since)
            children.wait("runserver", "live_deliver")
        finally:
            children.stop()

    def _write_addresses(self, port: int) -> None:
        address = f"http://127.0.0.1:{port}"
        try:
            self._write(f"\nAdmin   {address}{reverse('admin:index')}")
        except NoReverseMatch:
            self._write(f"\nServer  {address}/")
        if name := os.environ.get("DJANGO_SUPERUSER_USERNAME"):
            self._write(f"Login   {name}, with DJANGO_SUPERUSER_PASSWORD (see {ENV_FILE})")
        self._write("Save something: the update is shown below. Ctrl-C stops everything.\n")

    def _write(self, text: str) -> None:
        self.stdout.write(text)
        self.stdout.flush()


def _last_seq() -> int:
    """Return the ``seq`` of the site's newest update.

    Later ones are shown, even if they arrive before ``live_tail`` follows the site.
    """
    delivery = SiteDelivery.objects.filter(site_id=os.environ["SPOOL_SITE_ID"]).first()
    return delivery.last_seq if delivery else 0
