"""Wagtail's sites and ours: the command, and what follows a change of either."""

from __future__ import annotations

import json
from io import StringIO
from typing import Any

import pytest
from django.core.checks import run_checks
from django.core.management import CommandError, call_command
from django.db import connection
from wagtail.models import Locale
from wagtail.models import Site as WagtailSite

from spool_live.contrib.wagtail.models import SiteMapping
from spool_live.models import OutboxEntry, Site
from tests.contrib.wagtail.content.live import Authors
from tests.contrib.wagtail.tree import Tree

COMMAND = "live_wagtail_sites"


def report_of(*arguments: str) -> list[dict[str, Any]]:
    out = StringIO()
    call_command(COMMAND, *arguments, "--format", "json", stdout=out)
    found: list[dict[str, Any]] = json.loads(out.getvalue())
    return found


def warnings() -> list[str]:
    found = run_checks(databases=["default"])
    return [str(m.id) for m in found if str(m.id).startswith("spool_live_wagtail")]


class TestCommand:
    def test_lists_each_site(self, tree: Tree) -> None:
        rows = {row["wagtail_site"]: row for row in report_of("list")}
        assert rows["harbour.example:80"]["live_site"] == "Harbour"
        assert rows["town.example:80"] == {
            "wagtail_site": "town.example:80",
            "root": "/town/",
            "live_site": "town.example",
            "live_site_id": str(tree.town_site.pk),
        }

    def test_sync_maps_what_is_not_mapped(self, tree: Tree) -> None:
        SiteMapping.objects.filter(site=tree.town_site).delete()
        assert warnings() == ["spool_live_wagtail.W001"]
        with pytest.raises(SystemExit):
            call_command(COMMAND, "list", stdout=StringIO(), stderr=StringIO())
        before = SiteMapping.objects.get(site=tree.site)
        assert len(report_of("sync")) == 2
        assert SiteMapping.objects.get(site=tree.site) == before
        assert warnings() == []

    def test_map_to_a_site_that_exists(self, tree: Tree) -> None:
        report_of("map", "town.example", "Harbour")
        assert set(SiteMapping.objects.values_list("site__name", flat=True)) == {"Harbour"}
        assert sorted(tree.recorded()) == [
            "published sections market",
            "published sections town",
            "town: deleted sections market",
            "town: deleted sections town",
        ]

    @pytest.mark.parametrize(
        ("arguments", "message"),
        [
            (("nowhere.example", "Harbour"), "no Wagtail site"),
            (("town.example", "Nobody"), "no site 'Nobody'"),
            (("town.example:http", "Harbour"), "not a port"),
        ],
    )
    def test_refuses(self, tree: Tree, arguments: tuple[str, str], message: str) -> None:
        with pytest.raises(CommandError, match=message):
            call_command(COMMAND, "map", *arguments)

    def test_two_ports_of_one_host(self, tree: Tree) -> None:
        WagtailSite.objects.create(hostname="town.example", port=8080, root_page=tree["market"])
        with pytest.raises(CommandError, match="HOSTNAME:PORT"):
            call_command(COMMAND, "map", "town.example", "Harbour")
        report_of("map", "town.example:8080", "Harbour")
        assert SiteMapping.objects.filter(site=tree.site).count() == 2


class TestKeptInStep:
    def test_new_site_gets_a_live_site(self, tree: Tree) -> None:
        made = WagtailSite.objects.create(hostname="fair.example", root_page=tree["market"])
        assert made.live_mapping.site.name == "fair.example"
        found = OutboxEntry.objects.values_list("site_id", "event_type", "slug")
        assert set(found) == {
            (tree.town_site.pk, "content.deleted", "market"),
            (made.live_mapping.site_id, "content.published", "market"),
        }

    def test_name_is_passed_on(self, tree: Tree) -> None:
        site = WagtailSite.objects.get(hostname="town.example")
        site.site_name = "The Town"
        site.save()
        assert Site.objects.get(pk=tree.town_site.pk).name == "The Town"
        assert tree.recorded() == []

    def test_another_root(self, tree: Tree) -> None:
        site = WagtailSite.objects.get(hostname="town.example")
        site.root_page = tree["market"]
        site.save()
        assert sorted(tree.recorded()) == [
            "town: deleted sections town",
            "town: updated sections market previous_path=/market/",
        ]

    def test_another_hostname(self, tree: Tree) -> None:
        site = WagtailSite.objects.get(hostname="town.example")
        site.hostname = "city.example"
        site.save()
        assert sorted(tree.recorded()) == [
            "town: updated sections market",
            "town: updated sections town",
        ]

    def test_deleted_site_leaves_the_live_site(self, tree: Tree) -> None:
        WagtailSite.objects.get(hostname="town.example").delete()
        assert sorted(tree.recorded()) == [
            "town: deleted sections market",
            "town: deleted sections town",
        ]
        assert Site.objects.filter(pk=tree.town_site.pk).exists()

    def test_several_hostnames_of_one_root(self, tree: Tree) -> None:
        made = WagtailSite.objects.create(hostname="mirror.example", root_page=tree.town)
        tree.forget()
        tree["market"].save_revision().publish()
        urls = {entry.site_id: entry.metadata["url"] for entry in OutboxEntry.objects.all()}
        assert urls == {
            tree.town_site.pk: "http://town.example/market/",
            made.live_mapping.site_id: "http://mirror.example/market/",
        }

    def test_page_of_an_unmapped_site_within_another_is_not_the_others(self, tree: Tree) -> None:
        made = WagtailSite.objects.create(hostname="fair.example", root_page=tree["market"])
        made.live_mapping.delete()
        tree.forget()
        tree["market"].save_revision().publish()
        assert tree.recorded() == []


class TestMetadata:
    def test_of_a_page(self, tree: Tree) -> None:
        tree["timetable"].save_revision().publish()
        entry = OutboxEntry.objects.get()
        assert entry.metadata == {
            "type": "content.ArticlePage",
            "title": "Timetable",
            "locale": "en",
            "translation_key": str(tree["timetable"].translation_key),
            "path": "/news/ferry/timetable/",
            "url": "http://harbour.example/news/ferry/timetable/",
            "teaser": "",
            "links": [],
        }

    def test_of_a_page_that_is_saved_as_its_base_class(self, tree: Tree) -> None:
        tree.base("storm").unpublish()
        entry = OutboxEntry.objects.get()
        assert entry.metadata["type"] == "content.ArticlePage"
        assert entry.metadata["teaser"] == "It blows"

    def test_of_a_translation(self, tree: Tree) -> None:
        german = Locale.objects.get(language_code="de")
        page = tree["storm"].copy_for_translation(german, copy_parents=True)
        tree.forget()
        page.title = "Sturm"
        page.save_revision().publish()
        entry = OutboxEntry.objects.get()
        assert entry.metadata["locale"] == "de"
        assert entry.metadata["translation_key"] == str(tree["storm"].translation_key)
        assert entry.metadata["url"].startswith("http://harbour.example/de/")
        assert entry.metadata["path"].startswith("/de/")

    def test_children_that_are_saved_after_the_page(self, tree: Tree) -> None:
        page = tree["storm"]
        page.links.add(page.links.model(url="https://weather.example/"))
        page.save_revision().publish()
        assert OutboxEntry.objects.get().metadata["links"] == ["https://weather.example/"]

    def test_item_id_is_the_pages_in_every_collection(self, tree: Tree) -> None:
        tree["storm"].unpublish()
        tree["news"].unpublish()
        from spool_live.collections import LiveCollection

        expected = {
            LiveCollection(type(tree.root)).item_id_of(page)
            for page in (tree.base("storm"), tree.base("news"))
        }
        assert set(OutboxEntry.objects.values_list("item_id", flat=True)) == expected


class TestChecks:
    def test_snippets_that_belong_to_nobody(
        self, tree: Tree, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(Authors, "every_site", False)
        assert warnings() == ["spool_live_wagtail.W002"]


def test_table_is_closed_to_the_api_roles(tree: Tree) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT relrowsecurity, has_table_privilege('anon', oid, 'SELECT'),"
            " has_table_privilege('authenticated', oid, 'SELECT')"
            " FROM pg_class WHERE oid = 'public.live_wagtail_sites'::regclass"
        )
        assert cursor.fetchone() == (True, False, False)
