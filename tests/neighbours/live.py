"""What the project registers: the page that a user of these packages would write."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.db.models import Q

from spool_live import LiveCollection, register
from tests.neighbours import models


class ContentCollection(LiveCollection):
    slug_field = "slug"
    published_when = Q(is_public=True)

    def get_metadata(self, item: Any) -> Mapping[str, Any]:
        return {"title": item.title}


for _model in (
    *(models.Report, models.Dossier, models.Price, models.Page, models.Shelf, models.Topic),
    *(models.Category, models.Block, models.Notice),
):
    register(_model)(ContentCollection)


@register(models.Recipe._parler_meta.root_model)
class RecipeCollection(LiveCollection):
    name = "recipes"
    site_field = "master.site"
    slug_field = "slug"
    follows = ("master",)

    def is_published(self, item: Any) -> bool:
        return bool(item.master.is_public)

    def get_locale(self, item: Any) -> str:
        return str(item.language_code)


@register(models.Leaflet)
class LeafletCollection(LiveCollection):
    slug_field = "slug"


@register(models.Bulletin)
class BulletinCollection(LiveCollection):
    name = "bulletins"


@register(models.Attachment)
class AttachmentCollection(LiveCollection):
    name = "attachments"
    site_field = "bulletin.site"
