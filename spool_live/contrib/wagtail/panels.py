"""A panel in Wagtail's editor: what subscribers know of the page, and whether they have its last
change."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from typing import Any

from django.db import DEFAULT_DB_ALIAS
from django.db.models import Q
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from wagtail.admin.panels import Panel

from spool_live import status
from spool_live.contrib.wagtail.declarations import PageCollection, collection_of
from spool_live.contrib.wagtail.moment import Moment
from spool_live.contrib.wagtail.roots import Place
from spool_live.models import OutboxEntry, Site

MAX_SEARCHED = 1000
"""Number of newest updates of a site that are searched for those of the page."""


@dataclass(frozen=True, slots=True)
class PanelLine:
    """The page on one site. ``state`` is that of delivery to the site: ``ok``,
    ``delayed``, ``failing`` or ``stopped``; ``last`` the page's newest update, if it is recent."""

    site: str
    place: Place
    is_known: bool
    state: str
    reason: str
    last: OutboxEntry | None

    @property
    def last_state(self) -> str:
        """The delivery of the newest update, in words."""
        last = self.last
        if last is None:
            return gettext("no recent update")
        return {
            OutboxEntry.State.DELIVERED: gettext("delivered"),
            OutboxEntry.State.PENDING: gettext("waiting to be delivered"),
            OutboxEntry.State.DEAD: gettext("refused by Supabase: see live_status"),
        }.get(OutboxEntry.State(last.state), str(last.get_state_display()))


class LiveUpdatesPanel(Panel):  # type: ignore[misc]  # Wagtail has no types
    """Read-only panel: ``settings_panels = [*Page.settings_panels, LiveUpdatesPanel()]``."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**{"heading": _("Live updates"), "icon": "rss", **kwargs})

    class BoundPanel(Panel.BoundPanel):  # type: ignore[misc]
        """The panel of one page."""

        template_name = "spool_live_wagtail/panel.html"

        def is_shown(self) -> bool:
            """Return whether the page is stored and its type is reported."""
            return self.instance.pk is not None and self._collection is not None

        @property
        def _collection(self) -> PageCollection | None:
            return collection_of(self.instance.specific_class)

        def get_context_data(self, parent_context: Any = None) -> dict[str, Any]:
            """Return ``collection`` and ``lines``, one for each live site of the page."""
            context: dict[str, Any] = super().get_context_data(parent_context)
            collection = self._collection
            using = self.instance._state.db or DEFAULT_DB_ALIAS
            lines = lines_of(self.instance.pk, collection, using) if collection else []
            return {**context, "collection": collection, "lines": lines}


def lines_of(pk: Any, collection: PageCollection, using: str) -> list[PanelLine]:
    """Return a line for each live site of the page. They describe its stored row, not the draft in
    the editor."""
    model = collection.model
    page = model._base_manager.using(using).filter(pk=pk).first()
    specific = page and page.specific  # type: ignore[attr-defined]
    if specific is None:
        return []
    found = Moment.now(using).view(collection, specific)
    names = dict(Site.objects.using(using).filter(pk__in=found).values_list("pk", "name"))
    now = status.current()
    lines = []
    for site_id, (snapshot, place) in found.items():
        problems = now.of_site(site_id, using)
        lines.append(
            PanelLine(
                site=names.get(site_id, str(site_id)),
                place=place,
                is_known=snapshot.is_known,
                state=str(problems[0].state) if problems else str(status.State.OK),
                reason=problems[0].reason if problems else "",
                last=_last(site_id, collection.item_id_of(specific), using),
            )
        )
    return lines


def _last(site_id: uuid.UUID, item_id: uuid.UUID, using: str) -> OutboxEntry | None:
    """Return the newest update of the item among the newest of the site: items have no index."""
    entries = OutboxEntry.objects.using(using).filter(site_id=site_id)
    waiting = entries.filter(state=OutboxEntry.State.PENDING).order_by("-id")[:MAX_SEARCHED]
    numbered = entries.filter(seq__isnull=False).order_by("-seq")[:MAX_SEARCHED]
    recent = Q(pk__in=list(waiting.values_list("pk", flat=True))) | Q(
        pk__in=list(numbered.values_list("pk", flat=True))
    )
    return entries.filter(recent, item_id=item_id).order_by("-id").first()
