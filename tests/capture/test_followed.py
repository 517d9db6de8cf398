"""Items that follow an object: each is compared with what it was before the object changed."""

from __future__ import annotations

from typing import Any

import pytest

from spool_live.models import Site
from tests.capture.conftest import Recording, RegisterModel, rolled_back
from tests.testapp.models import Contribution, Dossier, Tag

pytestmark = pytest.mark.django_db


def is_open(self: Any, item: Contribution) -> bool:
    return not item.dossier.title.startswith("(")


def of_dossier(self: Any, item: Contribution) -> str:
    return f"{item.dossier.title}/{item.role}"


@pytest.fixture
def dossier(register_model: RegisterModel, site: Site, recorded: Recording) -> Dossier:
    """A dossier, titled "sport", with two contributions that follow it."""
    register_model(
        Contribution,
        name="contributions",
        site_field="dossier.site",
        follows=("dossier",),
        get_slug=of_dossier,
        is_published=is_open,
    )
    dossier = Dossier.objects.create(site=site, title="sport")
    person = Tag.objects.create(name="Ada")
    for role in "ab":
        Contribution.objects.create(dossier=dossier, person=person, role=role)
    recorded()
    return dossier


def events_of(recorded: Recording) -> list[tuple[str, str | None, dict[str, Any]]]:
    return [(r.event, r.slug, r.metadata) for r in recorded()]


def test_renamed_published_and_withdrawn_with_its_object(
    dossier: Dossier, recorded: Recording
) -> None:
    dossier.title = "games"
    dossier.save()
    assert events_of(recorded) == [
        ("updated", f"games/{text}", {"previous_slug": f"sport/{text}"}) for text in "ab"
    ]
    dossier.title = "(games"
    dossier.save(update_fields=["title"])
    assert [(event, data.get("published")) for event, _, data in events_of(recorded)] == [
        ("updated", False)
    ] * 2
    dossier.title = "games"
    dossier.save()
    assert [event for event, _, _ in events_of(recorded)] == ["published"] * 2


def test_moved_with_its_object_once(
    dossier: Dossier, recorded: Recording, site: Site, other_site: Site
) -> None:
    dossier.site = other_site
    dossier.save()
    assert [(r.event, r.site) for r in recorded()] == [
        (event, where)
        for _ in "ab"
        for event, where in (
            ("deleted", site),
            ("published", other_site),
        )
    ]


def test_nothing_where_nothing_changed(dossier: Dossier, recorded: Recording) -> None:
    dossier.save()
    Dossier.objects.create(site=dossier.site, title="other")
    with rolled_back():
        dossier.title = "games"
        dossier.save()
    assert events_of(recorded) == []


def test_no_more_than_declared(
    dossier: Dossier,
    recorded: Recording,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from spool_live.collections import registry

    monkeypatch.setattr(registry.of_model(Contribution)[0], "most_moved", 1)
    dossier.title = "games"
    dossier.save()
    assert [slug for _, slug, _ in events_of(recorded)] == ["games/a"]
    assert "more than 1 items" in caplog.text
