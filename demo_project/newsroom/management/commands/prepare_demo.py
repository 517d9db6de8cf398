"""``manage.py prepare_demo``: migrate the demo's databases and create its first content."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand
from django.db import connections

from demo_project.newsroom.models import Publication
from demo_project.newsroom.seed import ADMINISTRATOR, editor_of, seed
from demo_project.newsroom.seed.webhooks import connect_webhook
from demo_project.stack.ready import Paper, write_papers
from demo_project.state import load_credentials


class Command(BaseCommand):
    help = "Migrate the demo's databases and fill the newsroom. Run by the demo command."
    requires_system_checks: list[str] = []  # the tables that checks read may not exist yet

    def handle(self, *args: Any, **options: Any) -> None:
        for alias in connections:
            call_command("migrate", database=alias, interactive=False, skip_checks=True)
        credentials = load_credentials(settings.DEMO_STATE_DIR)
        seed(credentials)
        for publication in _publications():
            connect_webhook(publication, credentials)
        credentials.save(settings.DEMO_STATE_DIR)
        write_papers(settings.DEMO_STATE_DIR, ADMINISTRATOR, [_paper(p) for p in _publications()])


def _publications() -> list[Publication]:
    return list(Publication.objects.select_related("site"))


def _paper(publication: Publication) -> Paper:
    return Paper(
        id=str(publication.site_id),
        name=publication.site.name,
        slug=publication.slug,
        editor=editor_of(publication).get_username(),
    )
