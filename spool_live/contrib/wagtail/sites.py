"""Wagtail's sites: each is mapped to a live site, and when its root or its address changes, so do
the URLs of its pages."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Any

from wagtail.models import Page
from wagtail.models import Site as WagtailSite

from spool_live.contrib.wagtail.declarations import page_collections
from spool_live.contrib.wagtail.models import SiteMapping
from spool_live.contrib.wagtail.moment import Moment, behind, restricted
from spool_live.contrib.wagtail.roots import Roots, read_roots
from spool_live.contrib.wagtail.subtrees import record_change
from spool_live.models import Site

_BEFORE = "spool_live_wagtail_roots"


def begin(
    instance: Any, using: str, raw: bool, update_fields: Collection[str] | None
) -> WagtailSiteSave | None:
    """Return what captures a save of a Wagtail site; ``None`` for fixtures."""
    return None if raw else WagtailSiteSave(instance, using)


class WagtailSiteSave:
    """One save of a Wagtail site."""

    needs_transaction = True

    def __init__(self, site: WagtailSite, using: str) -> None:
        self.site = site
        self.using = using
        self.roots = Roots(())

    def before(self) -> None:
        """Read the roots, which say where the pages are."""
        self.roots = read_roots(self.using)

    def after(self, *, created: bool) -> None:
        """Map a new site, or keep the name of its live site in step, and record how its pages have
        changed."""
        if created:
            create_mapping(self.site, using=self.using)
        else:
            keep_name(self.site, using=self.using)
        record_pages_of(self.site.pk, self.roots, read_roots(self.using), self.using)


def before_delete(sender: Any, instance: Any, using: str, **kwargs: Any) -> None:
    """Read the roots, which say where the pages are (receiver of ``pre_delete``)."""
    instance._state.__dict__[_BEFORE] = read_roots(using)


def after_delete(sender: Any, instance: Any, using: str, **kwargs: Any) -> None:
    """Record that the pages of a deleted Wagtail site are on no site now, or on the one around it
    (receiver of ``post_delete``). The live site stays, with its keys, until a person deletes it."""
    before: Roots = instance._state.__dict__.pop(_BEFORE, Roots(()))
    record_pages_of(instance.pk, before, before.without(instance.pk), using)


def create_mapping(site: Any, *, using: str, live: Site | None = None) -> SiteMapping:
    """Map the Wagtail site to ``live``, or to a new live site of the same name."""
    live = live or Site.objects.using(using).create(name=name_of(site))
    return SiteMapping.objects.using(using).create(wagtail_site=site, site=live)


def map_site(site: Any, live: Site, *, using: str) -> None:
    """Map the Wagtail site to ``live`` from now on, and record that its pages have moved."""
    before = read_roots(using)
    SiteMapping.objects.using(using).update_or_create(
        wagtail_site=site, defaults={"site_id": live.pk}
    )
    if any(root.site_id is not None for root in before.of(site.pk)):
        record_pages_of(site.pk, before, read_roots(using), using)


def keep_name(site: Any, *, using: str) -> bool:
    """Rename the live site of a Wagtail site after it, unless other Wagtail sites are mapped to the
    same one; return whether it was renamed."""
    mapping = SiteMapping.objects.using(using).select_related("site").filter(wagtail_site=site)
    known = mapping.first()
    if known is None or known.site.name == name_of(site):
        return False
    if SiteMapping.objects.using(using).filter(site=known.site).exclude(pk=known.pk).exists():
        return False
    known.site.name = name_of(site)
    known.site.save(using=using, update_fields=["name"])
    return True


def name_of(site: Any) -> str:
    """Return the name of the live site of a Wagtail site."""
    return str(site.site_name or site.hostname)[:200]


def record_pages_of(wagtail_site_id: int, before: Roots, after: Roots, using: str) -> None:
    """Record how the pages of a Wagtail site changed between the roots ``before`` and ``after``."""
    was, now = before.of(wagtail_site_id), after.of(wagtail_site_id)
    if was == now or not page_collections():
        return
    is_private = behind(restricted(using))
    changed = {root.url_path for root in {*was} ^ {*now}}
    for top in _tops(changed, using):
        record_change(top, Moment(before, is_private), Moment(after, is_private), using, was=top)


def _tops(url_paths: set[str], using: str) -> Iterator[Any]:
    """Yield the specific pages at ``url_paths``, without those that are below another of them."""
    found: list[str] = []
    pages = Page.objects.using(using).filter(url_path__in=url_paths).order_by("path")
    for page in pages.specific():
        if not any(page.path.startswith(path) for path in found):
            found.append(page.path)
            yield page
