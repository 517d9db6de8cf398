"""``manage.py live_schema``: what subscribers get, as JSON Schema or TypeScript."""

from __future__ import annotations

import json
from argparse import ArgumentParser
from typing import Any, get_type_hints

from django.core.management.base import BaseCommand

from spool_live.collections import LiveCollection, registry
from spool_live.schema import collection_types, document


class Command(BaseCommand):
    """Writes the schema to standard output.

    The metadata of a collection is described where its ``get_metadata`` is annotated to return a
    ``TypedDict``.
    """

    help = "Print the JSON Schema of updates, or the types of your collections for TypeScript."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--typescript",
            action="store_true",
            help="Print a .ts file for the site's project: it types metadata by collection.",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        collections = {c.name: _metadata_type(c) for c in registry.declared()}
        if options["typescript"]:
            self.stdout.write(collection_types(collections), ending="")
        else:
            self.stdout.write(json.dumps(document(collections), indent=2, ensure_ascii=False))


def _metadata_type(collection: LiveCollection) -> Any:
    return get_type_hints(type(collection).get_metadata).get("return", dict[str, Any])
