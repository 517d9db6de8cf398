"""What ``live_requeue`` and ``live_discard`` have in common: the choice of dead entries."""

from __future__ import annotations

import uuid
from argparse import ArgumentParser
from typing import Any

from django.db.models import Q

from spool_live.management.output import ReportCommand
from spool_live.management.sites import find_site_id


class DeadEntriesCommand(ReportCommand):
    """A command about dead entries: all, of one site, of one collection, or one update."""

    def add_arguments(self, parser: ArgumentParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("--update", type=uuid.UUID, help="Only the update with this id.")
        parser.add_argument("--site", help="Only entries of this site: its name or its id.")
        parser.add_argument("--collection", help="Only entries of this collection.")

    def chosen(self, options: Any) -> Q:
        """Return the options as a condition for entries; without options an empty one."""
        conditions = {"update_id": options["update"], "collection": options["collection"]}
        if options["site"] is not None:
            conditions["site_id"] = find_site_id(options["site"])
        return Q(**{name: value for name, value in conditions.items() if value is not None})
