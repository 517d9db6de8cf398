"""An edit through each neighbour records what it means: nothing is missing, nothing too many."""

from __future__ import annotations

from typing import Any

import pytest
import reversion
import tablib
from django.contrib.auth.models import User
from django.test import Client
from django.utils import translation
from import_export.resources import ModelResource
from reversion.models import Version

from spool_live.collections import registry
from spool_live.models import OutboxEntry, Site
from tests.neighbours import models
from tests.neighbours.conftest import Walk

pytestmark = pytest.mark.django_db


def content(site: Site, slug: str) -> dict[str, Any]:
    return {"site": site, "title": slug.title(), "slug": slug}


# -- histories ------------------------------------------------------------------------------------


def test_simple_history(site: Site, walk: Walk) -> None:
    report = models.Report.objects.create(**content(site, "flood"))
    report.slug, report.is_public = "high-water", False
    report.save()
    assert walk() == [
        "published reports flood",
        "updated reports high-water published=False previous_slug=flood",
    ]
    report.history.earliest().instance.save()
    assert walk() == ["published reports flood previous_slug=high-water"]


def test_reversion(site: Site, walk: Walk) -> None:
    reversion.register(models.Dossier, follow=()) if not reversion.is_registered(
        models.Dossier
    ) else None
    with reversion.create_revision():
        dossier = models.Dossier.objects.create(**content(site, "bridge"))
        dossier.tags.add(models.Keyword.objects.create(name="steel"))
    dossier.slug, dossier.is_public = "old-bridge", False
    dossier.save()
    walk()
    version = Version.objects.get_for_object(dossier).get()
    version.revision.revert()
    found = walk()
    assert found[0] == "published dossiers bridge previous_slug=old-bridge"
    dossier = models.Dossier.objects.get()
    dossier.delete()
    assert walk() == ["deleted dossiers bridge"]
    version.revision.revert()
    assert walk()[0] == "published dossiers bridge"
    assert models.Dossier.objects.get().tags.count() == 1


def test_fixture_of_the_same_kind_is_not_an_edit(site: Site, walk: Walk) -> None:
    models.Dossier(pk=77, **content(site, "loaded")).save_base(raw=True)
    assert walk() == []


# -- imports --------------------------------------------------------------------------------------


class PriceResource(ModelResource):
    class Meta:
        model = models.Price
        use_bulk = True
        batch_size = 2
        skip_unchanged = True


def rows(site: Site, *slugs: str, pks: list[int] | None = None) -> tablib.Dataset:
    made = tablib.Dataset(headers=["id", "site", "title", "slug", "is_public"])
    for place, slug in enumerate(slugs):
        made.append([pks[place] if pks else place + 1, str(site.pk), slug.title(), slug, "1"])
    return made


def test_import_in_bulk(site: Site, walk: Walk) -> None:
    PriceResource().import_data(rows(site, "tea", "milk", "salt"), raise_errors=True)
    assert walk() == [f"published prices {slug}" for slug in ("tea", "milk", "salt")]
    pks = list(models.Price.objects.order_by("pk").values_list("pk", flat=True))
    again = rows(site, "tea", "cream", "salt", pks=pks)
    PriceResource().import_data(again, raise_errors=True)
    assert walk() == ["updated prices cream previous_slug=milk"]


def test_rehearsed_import(site: Site, walk: Walk) -> None:
    PriceResource().import_data(
        rows(site, "tea"), dry_run=True, raise_errors=True, use_transactions=True
    )
    assert walk() == []


# -- trees ----------------------------------------------------------------------------------------


def treebeard(model: Any, site: Site) -> dict[str, Any]:
    """``a`` with ``b`` and, below that, ``c``; ``d`` beside ``a``."""
    manager = model.objects
    add_root = getattr(manager, "add_root", None)
    if add_root is None:  # treebeard 5
        nodes = {s: model.add_root(**content(site, s)) for s in ("a", "d")}
        nodes["b"] = nodes["a"].add_child(**content(site, "b"))
        nodes["c"] = nodes["b"].add_child(**content(site, "c"))
    else:
        nodes = {s: manager.add_root(content(site, s)) for s in ("a", "d")}
        nodes["b"] = manager.add_child(nodes["a"], content(site, "b"))
        nodes["c"] = manager.add_child(nodes["b"], content(site, "c"))
    return {slug: model.objects.get(pk=node.pk) for slug, node in nodes.items()}


def move(node: Any, target: Any, pos: str) -> None:
    manager = type(node).objects
    if hasattr(manager, "move"):
        manager.move(node, target, pos)
    else:
        node.move(target, pos)


TREES = [models.Page, models.Shelf, models.Topic]


@pytest.mark.parametrize("model", TREES)
def test_treebeard(model: Any, site: Site, walk: Walk) -> None:
    name = registry.of_model(model)[0].name
    nodes = treebeard(model, site)
    walk()
    move(nodes["b"], nodes["d"], "last-child")
    assert walk() == [f"updated {name} b", f"updated {name} c"]
    nodes = {n.slug: n for n in model.objects.all()}
    move(nodes["d"], nodes["a"], "left")
    assert walk() == [f"updated {name} d"]
    node = model.objects.get(slug="b")
    node.slug = "e"
    node.save()
    assert walk() == [f"updated {name} e previous_slug=b", f"updated {name} c"]
    model.objects.get(slug="d").delete()
    assert sorted(walk()) == [f"deleted {name} {slug}" for slug in "cde"]


def test_moved_where_it_is(site: Site, walk: Walk) -> None:
    nodes = treebeard(models.Page, site)
    walk()
    move(nodes["d"], nodes["a"], "last-sibling")
    assert walk() == []


def test_large_branch(site: Site, walk: Walk, monkeypatch: pytest.MonkeyPatch) -> None:
    nodes = treebeard(models.Page, site)
    walk()
    monkeypatch.setattr(registry.of_model(models.Page)[0], "most_descendants", 0)
    move(nodes["b"], nodes["d"], "last-child")
    assert walk() == ["updated pages b descendants=True"]


def mptt(site: Site) -> dict[str, models.Category]:
    nodes: dict[str, Any] = {}
    for slug, parent in (("a", None), ("b", "a"), ("c", "b"), ("d", None)):
        above = nodes.get(str(parent))
        nodes[slug] = models.Category.objects.create(parent=above, **content(site, slug))
    return {slug: models.Category.objects.get(pk=node.pk) for slug, node in nodes.items()}


@pytest.mark.parametrize("way", ["save", "move_to", "move_node"])
def test_mptt(way: str, site: Site, walk: Walk) -> None:
    nodes = mptt(site)
    walk()
    if way == "save":
        nodes["b"].parent = nodes["d"]
        nodes["b"].save()
    elif way == "move_to":
        nodes["b"].move_to(nodes["d"])
    else:
        models.Category.objects.move_node(nodes["b"], nodes["d"])
    assert walk() == ["updated categorys b", "updated categorys c"]
    nodes["c"] = models.Category.objects.get(slug="c")
    nodes["c"].title = "Third"
    nodes["c"].save()
    assert walk() == ["updated categorys c"]
    models.Category.objects.get(slug="d").move_to(nodes["a"], "left")
    assert walk() == ["updated categorys d"]
    top = models.Category.objects.get(slug="d")
    top.slug = "e"
    top.save()
    assert walk() == [
        "updated categorys e previous_slug=d",
        "updated categorys b",
        "updated categorys c",
    ]


# -- several kinds, several languages -------------------------------------------------------------


def test_polymorphic(site: Site, walk: Walk) -> None:
    quote = models.Quote.objects.create(author="Ada", **content(site, "engine"))
    block = models.Block.objects.get()
    assert isinstance(block, models.Quote)
    block.slug, block.author = "analytical-engine", "Lovelace"
    block.save()
    models.Block.objects.non_polymorphic().get().save()
    quote.delete()
    assert walk() == [
        "published blocks engine",
        "updated blocks analytical-engine previous_slug=engine",
        "updated blocks analytical-engine",
        "deleted blocks analytical-engine",
    ]
    assert len(set(OutboxEntry.objects.values_list("item_id", flat=True))) == 1


def test_parler_with_an_item_for_each_translation(site: Site, walk: Walk) -> None:
    recipe = models.Recipe.objects.language("en").create(site=site, title="Soup", slug="soup")
    recipe.set_current_language("de")
    recipe.title, recipe.slug = "Suppe", "suppe"
    recipe.save()
    assert walk() == ["published recipes soup locale=en", "published recipes suppe locale=de"]
    recipe.slug = "eintopf"
    recipe.save()
    assert walk() == ["updated recipes eintopf locale=de previous_slug=suppe"]
    recipe.is_public = False
    recipe.save()
    assert sorted(walk()) == [
        "updated recipes eintopf locale=de published=False",
        "updated recipes soup locale=en published=False",
    ]
    recipe.delete_translation("de")
    assert walk() == ["deleted recipes eintopf locale=de"]
    recipe.delete()
    assert walk() == ["deleted recipes soup locale=en"]


def test_parler_with_one_item(site: Site, walk: Walk) -> None:
    leaflet = models.Leaflet.objects.language("en").create(site=site, slug="ferry")
    leaflet = models.Leaflet.objects.get()
    walk()
    with translation.override("de"):
        leaflet.set_current_language("de")
        leaflet.slug = "faehre"
        leaflet.save()
        assert walk() == ["updated leaflets ferry"]
        assert leaflet.get_current_language() == "de"
        assert translation.get_language() == "de"
    leaflet.set_current_language("en")
    leaflet.slug = "ferries"
    leaflet.save()
    assert walk() == ["updated leaflets ferries previous_slug=ferry"]


def test_modeltranslation(site: Site, walk: Walk) -> None:
    notice = models.Notice.objects.create(
        site=site, title_en="Ferry", slug_en="ferry", title_de="Fähre", slug_de="faehre"
    )
    assert walk() == ["published notices ferry"]
    with translation.override("de"):
        notice = models.Notice.objects.get()
        notice.slug = "faehren"
        notice.save()
        assert walk() == ["updated notices ferry"]
        notice.slug_en = "ferries"
        notice.save()
    assert walk() == ["updated notices ferries previous_slug=ferry"]
    notice.refresh_from_db()
    assert (notice.slug_en, notice.slug_de) == ("ferries", "faehren")


# -- admins ---------------------------------------------------------------------------------------


@pytest.fixture
def editor(client: Client) -> Client:
    client.force_login(User.objects.create_superuser("editor", password="editor"))
    return client


def posted(site: Site, slug: str, **more: Any) -> dict[str, Any]:
    return {"site": str(site.pk), "title": slug.title(), "slug": slug, "is_public": "on", **more}


def test_unfold(editor: Client, site: Site, walk: Walk) -> None:
    assert b"unfold" in editor.get("/admin/neighbours/report/add/").content
    editor.post("/admin/neighbours/report/add/", posted(site, "storm"))
    report = models.Report.objects.get()
    editor.post(f"/admin/neighbours/report/{report.pk}/change/", posted(site, "gale"))
    chosen = {"action": "delete_selected", "_selected_action": report.pk, "post": "yes"}
    editor.post("/admin/neighbours/report/", chosen)
    assert walk() == [
        "published reports storm",
        "updated reports gale previous_slug=storm",
        "deleted reports gale",
    ]


def test_reversion_in_the_admin(editor: Client, site: Site, walk: Walk) -> None:
    tag = models.Keyword.objects.create(name="steel")
    with_tag = {"tags": [tag.pk]}
    editor.post("/admin/neighbours/dossier/add/", posted(site, "bridge", **with_tag))
    dossier = models.Dossier.objects.get()
    page = f"/admin/neighbours/dossier/{dossier.pk}/"
    editor.post(page + "change/", posted(site, "old-bridge", **with_tag))
    walk()
    version = Version.objects.get_for_object(dossier).last()
    assert version is not None
    assert editor.get(f"{page}history/{version.pk}/").status_code == 200
    assert walk() == []  # looked at, not restored
    editor.post(f"{page}history/{version.pk}/", posted(site, "bridge", **with_tag))
    assert walk()[0] == "updated dossiers bridge previous_slug=old-bridge"
    dossier.delete()
    walk()
    editor.post(
        f"/admin/neighbours/dossier/recover/{version.pk}/", posted(site, "bridge", **with_tag)
    )
    assert walk()[0] == "published dossiers bridge"
