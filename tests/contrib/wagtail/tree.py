"""The pages that the tests change, and what is recorded of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.contrib.auth import get_user_model
from django.contrib.auth.models import Group
from wagtail.models import (
    Collection,
    GroupApprovalTask,
    Locale,
    Page,
    Workflow,
    WorkflowPage,
    WorkflowTask,
)
from wagtail.models import Site as WagtailSite

from spool_live.contrib.wagtail.models import SiteMapping
from spool_live.models import OutboxEntry, Site
from tests.contrib.wagtail.content.models import ArticlePage, InternalPage, SectionPage


@dataclass
class Tree:
    """``/`` has the homes of two sites; the first one's::

    harbour/
        news/            section
            storm/       article
            ferry/       article
                timetable/  article
        culture/         section
        plans/           section, a draft, with a live article "quay" below it
        draft/           article, a draft
        internal/        not reported
    """

    root: Page
    harbour: SectionPage
    town: SectionPage
    site: Site
    town_site: Site
    pages: dict[str, Any]
    user: Any

    def __getitem__(self, slug: str) -> Any:
        """The page as it is now."""
        page = self.pages[slug]
        return type(page).objects.get(pk=page.pk)

    def base(self, slug: str) -> Page:
        """The same as Wagtail's base class, as its bulk actions and commands have it."""
        return Page.objects.get(pk=self.pages[slug].pk)

    def recorded(self) -> list[str]:
        """What was recorded since the last call, a line for each update: site, event, collection,
        slug, and what was added to the metadata."""
        names = {self.site.pk: "", self.town_site.pk: "town: "}
        lines = []
        for entry in OutboxEntry.objects.order_by("pk"):
            added = "".join(
                f" {name}={entry.metadata[name]}"
                for name in ("previous_path", "previous_slug", "descendants", "published", "draft")
                if name in entry.metadata
            )
            event = entry.event_type.removeprefix("content.")
            lines.append(f"{names[entry.site_id]}{event} {entry.collection} {entry.slug}{added}")
        self.forget()
        return lines

    def forget(self) -> None:
        """Nothing was recorded."""
        OutboxEntry.objects.all().delete()


def plant() -> None:
    """Makes everything, and what Wagtail's data migrations would."""
    locale = Locale.objects.create(language_code="en")
    Locale.objects.create(language_code="de")
    Collection.add_root(name="Root")
    root = Page.add_root(instance=Page(title="Root", slug="root", locale=locale))
    user = get_user_model().objects.create_superuser("editor", "editor@example.com", "secret")

    def add(parent: Any, kind: type[Page], slug: str, **fields: Any) -> Any:
        page = kind(title=slug.title(), slug=slug, owner=user, **fields)
        parent.add_child(instance=page)
        revision = page.save_revision()
        if page.live:
            revision.publish()
        return page

    harbour = add(root, SectionPage, "harbour")
    town = add(root, SectionPage, "town")
    WagtailSite.objects.create(
        hostname="harbour.example", site_name="Harbour", root_page=harbour, is_default_site=True
    )
    WagtailSite.objects.create(hostname="town.example", root_page=town)
    news = add(harbour, SectionPage, "news")
    add(news, ArticlePage, "storm", teaser="It blows")
    ferry = add(news, ArticlePage, "ferry")
    add(ferry, ArticlePage, "timetable")
    add(harbour, SectionPage, "culture")
    plans = add(harbour, SectionPage, "plans", live=False)
    add(plans, ArticlePage, "quay")
    add(harbour, ArticlePage, "draft", live=False)
    add(harbour, InternalPage, "internal")
    add(town, SectionPage, "market")
    OutboxEntry.objects.all().delete()


def find() -> Tree:
    """What ``plant`` made, as it is now."""
    pages = {page.slug: page for page in Page.objects.specific()}
    sites = {m.wagtail_site.hostname: m.site for m in SiteMapping.objects.all()}
    return Tree(
        root=pages["root"],
        harbour=pages["harbour"],
        town=pages["town"],
        site=sites["harbour.example"],
        town_site=sites["town.example"],
        pages=pages,
        user=get_user_model().objects.get(),
    )


def moderated(tree: Tree) -> None:
    """Has moderators approve whatever is published on the first site."""
    task = GroupApprovalTask.objects.create(name="Approve")
    task.groups.add(Group.objects.create(name="Moderators"))
    workflow = Workflow.objects.create(name="Moderation")
    WorkflowTask.objects.create(workflow=workflow, task=task, sort_order=1)
    WorkflowPage.objects.create(workflow=workflow, page=tree.base("harbour"))
