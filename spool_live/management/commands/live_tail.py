"""``manage.py live_tail``: follow a site as its subscribers do, with ``SPOOL_API_KEY``."""

from __future__ import annotations

import sys
from argparse import ArgumentParser, Namespace
from typing import Any

from django.core.management.base import BaseCommand

from spool_live.client.cli import add_tail_arguments, run


class Command(BaseCommand):
    """``spool-live tail`` as a management command."""

    help = "Print a site's updates as its subscribers get them. The key is read from SPOOL_API_KEY."
    requires_system_checks = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        add_tail_arguments(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        if status := run(Namespace(**options)):
            sys.exit(status)  # it has printed the reason
