"""Every action on pages, with exactly the updates that it has to record."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import NamedTuple

import pytest
from django.core.management import call_command
from django.utils import timezone
from wagtail.models import Locale, Page, Revision

from tests.contrib.wagtail.cms import Cms
from tests.contrib.wagtail.tree import Tree, moderated


class Row(NamedTuple):
    act: Callable[[Tree, Cms], object]
    expected: list[str]


ROWS: dict[str, Row] = {}


def row(*expected: str) -> Callable[[Callable[[Tree, Cms], object]], None]:
    def add(act: Callable[[Tree, Cms], object]) -> None:
        ROWS[act.__name__] = Row(act, list(expected))

    return add


def publish_scheduled() -> None:
    """What is due, as cron runs it."""
    Revision.objects.filter(approved_go_live_at__isnull=False).update(
        approved_go_live_at=timezone.now() - timedelta(minutes=1)
    )
    call_command("publish_scheduled")


# -- what an editor does to one page ---------------------------------------------------------------


@row()
def create_draft(tree: Tree, cms: Cms) -> None:
    cms.create(tree["news"], "articlepage", title="Tide", slug="tide")


@row("published articles tide")
def create_and_publish(tree: Tree, cms: Cms) -> None:
    cms.create(tree["news"], "articlepage", publish=True, title="Tide", slug="tide")


@row()
def create_page_of_another_type(tree: Tree, cms: Cms) -> None:
    cms.create(tree["news"], "internalpage", publish=True, title="Staff", slug="staff")


@row()
def save_draft_of_live_page(tree: Tree, cms: Cms) -> None:
    cms.edit(tree["storm"], title="Storm over the pier")


@row()
def save_draft_again_and_again(tree: Tree, cms: Cms) -> None:
    for number in range(3):
        cms.edit(tree["storm"], title=f"Storm {number}")


@row()
def save_new_slug_as_draft(tree: Tree, cms: Cms) -> None:
    cms.edit(tree["storm"], slug="gale")


@row()
def save_unpublished_page(tree: Tree, cms: Cms) -> None:
    cms.edit(tree["draft"], title="Another draft", slug="another")


@row("updated articles storm")
def publish_live_page_again(tree: Tree, cms: Cms) -> None:
    cms.edit(tree["storm"], "publish", title="Storm over the pier")


@row("updated articles storm")
def publish_change_of_children_only(tree: Tree, cms: Cms) -> None:
    cms.edit(
        tree["storm"],
        "publish",
        **{
            "links-TOTAL_FORMS": "1",
            "links-0-url": "https://weather.example/",
            "links-0-id": "",
            "links-0-ORDER": "1",
            "links-0-DELETE": "",
        },
    )


@row("published articles draft")
def publish_draft(tree: Tree, cms: Cms) -> None:
    cms.edit(tree["draft"], "publish")


@row("published articles renamed")
def publish_draft_with_new_slug(tree: Tree, cms: Cms) -> None:
    cms.edit(tree["draft"], "publish", slug="renamed")


@row("updated articles storm published=False")
def unpublish(tree: Tree, cms: Cms) -> None:
    cms.post("wagtailadmin_pages:unpublish", tree["storm"].pk)


@row(
    "updated sections news published=False",
    "updated articles storm published=False",
    "updated articles ferry published=False",
    "updated articles timetable published=False",
)
def unpublish_with_descendants(tree: Tree, cms: Cms) -> None:
    cms.post("wagtailadmin_pages:unpublish", tree["news"].pk, include_descendants="on")


@row("deleted articles storm")
def delete(tree: Tree, cms: Cms) -> None:
    cms.post("wagtailadmin_pages:delete", tree["storm"].pk)


@row(
    "deleted sections news",
    "deleted articles storm",
    "deleted articles ferry",
    "deleted articles timetable",
)
def delete_with_descendants(tree: Tree, cms: Cms) -> None:
    cms.post("wagtailadmin_pages:delete", tree["news"].pk)


@row()
def delete_draft(tree: Tree, cms: Cms) -> None:
    cms.post("wagtailadmin_pages:delete", tree["draft"].pk)


@row()
def lock_and_unlock(tree: Tree, cms: Cms) -> None:
    cms.post("wagtailadmin_pages:lock", tree["storm"].pk)
    cms.post("wagtailadmin_pages:unlock", tree["storm"].pk)


@row("updated articles storm")
def revert_to_earlier_version(tree: Tree, cms: Cms) -> None:
    page = tree["storm"]
    earlier = page.latest_revision_id
    page.title = "Storm, corrected"
    page.save_revision(user=tree.user).publish()
    tree.forget()
    sent = cms.form("wagtailadmin_pages:revisions_revert", page.pk, earlier)
    sent["action-publish"] = "action-publish"
    cms.post("wagtailadmin_pages:edit", page.pk, **{**sent, "revision": str(earlier)})


@row("updated articles storm published=False")
def unpublish_by_one_column(tree: Tree, cms: Cms) -> None:
    page = tree.base("storm")
    page.live = False
    page.save(update_fields=["live"])


@row("published articles draft")
def approve_in_workflow(tree: Tree, cms: Cms) -> None:
    moderated(tree)
    cms.edit(tree["draft"], "submit")
    state = tree["draft"].current_workflow_state
    state.current_task_state.reject(user=tree.user)
    tree["draft"].current_workflow_state.resume(user=tree.user)
    assert tree.recorded() == []
    tree["draft"].current_workflow_state.current_task_state.approve(user=tree.user)


# -- the clock -------------------------------------------------------------------------------------


@row()
def schedule_live_page(tree: Tree, cms: Cms) -> None:
    later = timezone.now() + timedelta(days=1)
    cms.edit(tree["storm"], "publish", title="Later", go_live_at=later.strftime("%Y-%m-%d %H:%M"))


@row("published articles draft")
def draft_goes_live_by_schedule(tree: Tree, cms: Cms) -> None:
    page = tree["draft"]
    page.go_live_at = timezone.now() + timedelta(days=1)
    page.save_revision(user=tree.user).publish()
    assert tree.recorded() == []
    publish_scheduled()
    revision = tree["draft"].latest_revision
    content = {**revision.content, "go_live_at": None}
    Revision.objects.filter(pk=revision.pk).update(content=content)
    Revision.objects.get(pk=revision.pk).publish()


@row("updated articles storm published=False")
def expires_by_schedule(tree: Tree, cms: Cms) -> None:
    Page.objects.filter(pk=tree["storm"].pk).update(expire_at=timezone.now() - timedelta(hours=1))
    call_command("publish_scheduled")


# -- bulk actions ----------------------------------------------------------------------------------


@row("updated articles storm published=False", "updated articles ferry published=False")
def bulk_unpublish(tree: Tree, cms: Cms) -> None:
    cms.bulk("unpublish", tree["storm"], tree["ferry"])


@row(
    "updated sections news published=False",
    "updated articles storm published=False",
    "updated articles ferry published=False",
    "updated articles timetable published=False",
)
def bulk_unpublish_with_descendants(tree: Tree, cms: Cms) -> None:
    cms.bulk("unpublish", tree["news"], include_descendants="on")


@row("published articles draft", "updated articles storm")
def bulk_publish(tree: Tree, cms: Cms) -> None:
    cms.bulk("publish", tree["draft"], tree["storm"])


@row("deleted articles storm", "deleted articles ferry", "deleted articles timetable")
def bulk_delete(tree: Tree, cms: Cms) -> None:
    cms.bulk("delete", tree["storm"], tree["ferry"])


@row(
    "updated articles storm previous_path=/news/storm/",
    "updated articles ferry previous_path=/news/ferry/",
    "updated articles timetable previous_path=/news/ferry/timetable/",
)
def bulk_move(tree: Tree, cms: Cms) -> None:
    cms.bulk("move", tree["storm"], tree["ferry"], chooser=str(tree["culture"].pk))


# -- the tree --------------------------------------------------------------------------------------


@row(
    "updated sections news previous_path=/news/",
    "updated articles storm previous_path=/news/storm/",
    "updated articles ferry previous_path=/news/ferry/",
    "updated articles timetable previous_path=/news/ferry/timetable/",
)
def move(tree: Tree, cms: Cms) -> None:
    cms.post("wagtailadmin_pages:move_confirm", tree["news"].pk, tree["culture"].pk)


@row("updated articles quay previous_path=/plans/quay/")
def move_draft_with_live_page_below(tree: Tree, cms: Cms) -> None:
    cms.post("wagtailadmin_pages:move_confirm", tree["plans"].pk, tree["culture"].pk)


@row(
    "deleted articles ferry",
    "town: published articles ferry",
    "deleted articles timetable",
    "town: published articles timetable",
)
def move_to_another_site(tree: Tree, cms: Cms) -> None:
    cms.post("wagtailadmin_pages:move_confirm", tree["ferry"].pk, tree["market"].pk)


@row("deleted articles storm")
def move_out_of_every_site(tree: Tree, cms: Cms) -> None:
    tree.base("storm").move(tree.root, "last-child")


@row("updated articles storm")
def reorder(tree: Tree, cms: Cms) -> None:
    cms.post("wagtailadmin_pages:set_page_position", tree["storm"].pk, query="?position=1")


@row(
    "updated sections current previous_path=/news/ previous_slug=news",
    "updated articles storm previous_path=/news/storm/",
    "updated articles ferry previous_path=/news/ferry/",
    "updated articles timetable previous_path=/news/ferry/timetable/",
)
def slug_of_parent(tree: Tree, cms: Cms) -> None:
    cms.edit(tree["news"], "publish", slug="current")


@row("updated articles quay previous_path=/plans/quay/")
def slug_of_draft_parent(tree: Tree, cms: Cms) -> None:
    cms.edit(tree["plans"], slug="intentions")


@row(
    "updated sections current previous_path=/news/ previous_slug=news descendants=True",
    "updated articles None previous_path=/news/ descendants=True",
)
def slug_of_parent_of_many(tree: Tree, cms: Cms) -> None:
    for number in range(2):
        cms.create(tree["news"], "articlepage", publish=True, title=f"N{number}", slug=f"n{number}")
    tree.forget()
    cms.edit(tree["news"], "publish", slug="current")


@row("updated articles None previous_path=/plans/ descendants=True")
def move_of_draft_parent_of_many(tree: Tree, cms: Cms) -> None:
    for number in range(4):
        cms.create(tree["plans"], "articlepage", publish=True, title="N", slug=f"n{number}")
    tree.forget()
    cms.post("wagtailadmin_pages:move_confirm", tree["plans"].pk, tree["culture"].pk)


@row()
def url_paths_set_again(tree: Tree, cms: Cms) -> None:
    call_command("set_url_paths")


# -- copies ----------------------------------------------------------------------------------------


@row("published articles storm-2")
def copy_live(tree: Tree, cms: Cms) -> None:
    page = tree["storm"]
    page.copy(update_attrs={"slug": "storm-2"}, user=tree.user)


@row()
def copy_as_draft(tree: Tree, cms: Cms) -> None:
    cms.post(
        "wagtailadmin_pages:copy",
        tree["storm"].pk,
        new_title="Storm",
        new_slug="storm-2",
        new_parent_page=tree["news"].pk,
    )


@row(
    "published sections news-2",
    "published articles storm",
    "published articles ferry",
    "published articles timetable",
)
def copy_subtree(tree: Tree, cms: Cms) -> None:
    tree["news"].copy(recursive=True, update_attrs={"slug": "news-2"}, user=tree.user)


@row("published articles storm-2")
def alias(tree: Tree, cms: Cms) -> None:
    tree["storm"].create_alias(update_slug="storm-2", user=tree.user)


@row("updated articles storm", "updated articles storm-2")
def publish_page_with_alias(tree: Tree, cms: Cms) -> None:
    tree["storm"].create_alias(update_slug="storm-2")
    tree.forget()
    cms.edit(tree["storm"], "publish", title="Storm at last")


@row("updated articles storm published=False", "updated articles storm-2 published=False")
def unpublish_page_with_alias(tree: Tree, cms: Cms) -> None:
    tree["storm"].create_alias(update_slug="storm-2")
    tree.forget()
    cms.post("wagtailadmin_pages:unpublish", tree["storm"].pk)


@row()
def convert_alias(tree: Tree, cms: Cms) -> None:
    alias = tree["storm"].create_alias(update_slug="storm-2")
    tree.forget()
    cms.post("wagtailadmin_pages:convert_alias", alias.pk)


@row()
def translate(tree: Tree, cms: Cms) -> None:
    german = Locale.objects.get(language_code="de")
    cms.post("simple_translation:submit_page_translation", tree.harbour.pk, locales=[german.pk])


@row("published sections harbour-de", "published sections news", "published articles storm")
def publish_translation(tree: Tree, cms: Cms) -> None:
    german = Locale.objects.get(language_code="de")
    home = tree.harbour.copy_for_translation(german)
    home.get_latest_revision().publish()
    page = tree["storm"]
    page.copy_for_translation(german, copy_parents=True, alias=True)


# -- privacy ---------------------------------------------------------------------------------------


@row("updated articles storm published=False")
def restrict(tree: Tree, cms: Cms) -> None:
    cms.restrict(tree["storm"], "login")


@row()
def restrict_draft(tree: Tree, cms: Cms) -> None:
    cms.restrict(tree["draft"], "login")


@row(
    "updated sections news published=False",
    "updated articles storm published=False",
    "updated articles ferry published=False",
    "updated articles timetable published=False",
)
def restrict_section(tree: Tree, cms: Cms) -> None:
    cms.restrict(tree["news"], "password", password="secret")


@row()
def change_within_restricted_section(tree: Tree, cms: Cms) -> None:
    cms.restrict(tree["news"], "login")
    tree.forget()
    cms.edit(tree["storm"], "publish", title="Between us")
    cms.restrict(tree["storm"], "login")
    cms.restrict(tree["news"], "password", password="secret")
    cms.edit(tree["news"], "publish", slug="secret")
    cms.post("wagtailadmin_pages:unpublish", tree["ferry"].pk)
    cms.post("wagtailadmin_pages:delete", tree["storm"].pk)


@row(
    "published sections news",
    "published articles storm",
    "published articles ferry",
    "published articles timetable",
)
def lift_restriction(tree: Tree, cms: Cms) -> None:
    cms.restrict(tree["news"], "login")
    tree.forget()
    cms.restrict(tree["news"], "none")


@row("published sections news", "published articles ferry", "published articles timetable")
def lift_restriction_around_another(tree: Tree, cms: Cms) -> None:
    cms.restrict(tree["storm"], "login")
    cms.restrict(tree["news"], "login")
    tree.forget()
    cms.restrict(tree["news"], "none")


@row(
    "updated articles ferry previous_path=/news/ferry/ published=False",
    "updated articles timetable previous_path=/news/ferry/timetable/ published=False",
)
def move_behind_restriction(tree: Tree, cms: Cms) -> None:
    cms.restrict(tree["culture"], "login")
    tree.forget()
    cms.post("wagtailadmin_pages:move_confirm", tree["ferry"].pk, tree["culture"].pk)


@row("published articles storm")
def move_out_of_restriction(tree: Tree, cms: Cms) -> None:
    cms.restrict(tree["news"], "login")
    tree.forget()
    cms.post("wagtailadmin_pages:move_confirm", tree["storm"].pk, tree["culture"].pk)


@row("updated articles storm published=False", "updated articles storm-2 published=False")
def restrict_page_with_alias(tree: Tree, cms: Cms) -> None:
    tree["storm"].create_alias(update_slug="storm-2")
    tree.forget()
    cms.restrict(tree["storm"], "login")


@row(
    "updated sections news descendants=True published=False",
    "updated articles None descendants=True published=False",
)
def restrict_section_of_many(tree: Tree, cms: Cms) -> None:
    for number in range(2):
        cms.create(tree["news"], "articlepage", publish=True, title="N", slug=f"n{number}")
    tree.forget()
    cms.restrict(tree["news"], "login")


@pytest.mark.parametrize("name", ROWS)
def test_action_records_exactly_its_updates(name: str, tree: Tree) -> None:
    act, expected = ROWS[name]
    act(tree, Cms(tree.user))
    assert sorted(tree.recorded()) == sorted(expected)
