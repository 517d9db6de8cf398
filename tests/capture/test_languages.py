"""What an update says does not depend on the language that the editor works in."""

from __future__ import annotations

from typing import Any

import pytest
from django.utils import translation

from spool_live.models import Site
from tests.capture.conftest import Recording, RegisterModel, item_id
from tests.testapp.models import Story

pytestmark = pytest.mark.django_db


def active(self: Any, item: Story) -> str:
    return f"{item.title}-{translation.get_language()}"


def by_prefix(self: Any, item: Story) -> str:
    return item.title[:2]


@pytest.mark.parametrize("language", ["en", "de", None])
def test_default_language_is_active(
    language: str | None, register_model: RegisterModel, site: Site, recorded: Recording
) -> None:
    register_model(
        Story, name="stories", get_slug=active, get_metadata=lambda s, i: {"is": active(s, i)}
    )
    with translation.override(language):
        story = Story.objects.create(site=site, title="n")
        assert translation.get_language() == language
    with translation.override("de"):
        story.save()
    found = [(r.event, r.slug, r.metadata) for r in recorded()]
    default = "n-en-us"
    assert found == [("created", default, {"is": default}), ("updated", default, {"is": default})]


def test_language_of_the_item_is_active(
    register_model: RegisterModel, site: Site, recorded: Recording
) -> None:
    register_model(Story, name="stories", get_slug=active, get_locale=by_prefix)
    Story.objects.create(site=site, title="de")
    (found,) = recorded()
    assert (found.slug, found.metadata) == ("de-de", {"locale": "de"})


@pytest.mark.parametrize("stored", ["xx", "../../etc", "\x00", "-" * 500])
def test_language_that_does_not_exist(
    stored: str, register_model: RegisterModel, site: Site, recorded: Recording
) -> None:
    register_model(Story, name="stories", get_slug=active, get_locale=lambda s, i: stored)
    Story.objects.create(site=site, title="n")
    (found,) = recorded()
    assert found.slug == "n-en-us"
    assert found.metadata == {"locale": stored.replace("\x00", "")}


def test_locale_that_cannot_be_determined(
    register_model: RegisterModel, site: Site, recorded: Recording, caplog: pytest.LogCaptureFixture
) -> None:
    register_model(Story, name="stories", get_slug=active, get_locale=lambda s, i: i.nothing)
    Story.objects.create(site=site, title="n")
    (found,) = recorded()
    assert (found.event, found.slug, found.metadata) == ("created", "n-en-us", {})
    assert "cannot give a locale" in caplog.text


def test_deletions_have_a_locale_and_a_locale_of_the_projects_own_wins(
    register_model: RegisterModel, site: Site, recorded: Recording
) -> None:
    metadata = {"locale": "de-CH"}
    register_model(
        Story, name="stories", get_locale=lambda s, i: "de", get_metadata=lambda s, i: metadata
    )
    story = Story.objects.create(site=site, title="n")
    story_id = item_id(story)
    story.delete()
    assert [(r.event, r.item_id, r.metadata) for r in recorded()] == [
        ("created", story_id, metadata),
        ("deleted", story_id, metadata),
    ]
