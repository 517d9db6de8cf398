"""What a model's fields say of its collection."""

from __future__ import annotations

import pytest
from django.db import models
from django.test.utils import isolate_apps

from spool_live.models import Site
from spool_live.starting.guesses import Guess, guess, module


@pytest.fixture(autouse=True)
def _apart() -> object:
    with isolate_apps("tests.testapp"):
        yield


def of(model: type[models.Model], **options: bool) -> tuple[str, ...] | None:
    found = guess(model, **options)
    return found.declarations if isinstance(found, Guess) else None


def test_flag_moments_and_a_site_two_steps_away() -> None:
    class Desk(models.Model):
        tenant = models.ForeignKey(Site, on_delete=models.CASCADE)

        class Meta:
            app_label = "testapp"

    class Story(models.Model):
        desk = models.ForeignKey(Desk, on_delete=models.CASCADE)
        headline = models.CharField(max_length=9)
        permalink = models.SlugField()
        is_live = models.BooleanField()
        publish_at = models.DateTimeField()
        unpublish_at = models.DateTimeField()

        class Meta:
            app_label = "testapp"

    assert of(Desk) is None
    assert of(Story) == (
        'site_field = "desk.tenant"',
        'slug_field = "permalink"',
        "published_when = Q(is_live=True)",
        'published_from = "publish_at"',
        'published_until = "unpublish_at"',
        'metadata_fields = ("headline",)',
    )


def test_numbered_state_and_a_bare_site_id() -> None:
    class Page(models.Model):
        site_id = models.UUIDField()
        slug = models.SlugField()
        state = models.IntegerField(choices=[(0, "Draft"), (1, "Public")])
        stage = models.CharField(max_length=9, choices=[("Published", "P"), ("x", "X")])

        class Meta:
            app_label = "testapp"

    assert of(Page) == (
        'site_field = "site_id"',
        'slug_field = "slug"',
        'published_when = Q(stage="Published")',
    )


def test_without_a_site_only_where_there_is_one_for_all() -> None:
    class Entry(models.Model):
        slug = models.SlugField()

        class Meta:
            app_label = "testapp"

    class Tag(models.Model):
        name = models.CharField(max_length=9)

        class Meta:
            app_label = "testapp"

    assert (of(Entry), of(Tag)) == (None, None)
    assert (of(Entry, one_site=True), of(Tag, one_site=True)) == (('slug_field = "slug"',), None)


def test_site_that_may_be_missing_is_no_way_to_it() -> None:
    class Draft(models.Model):
        site = models.ForeignKey(Site, null=True, on_delete=models.SET_NULL)
        slug = models.SlugField()

        class Meta:
            app_label = "testapp"

    assert of(Draft) is None


def test_text_is_python() -> None:
    class Note(models.Model):
        site = models.ForeignKey(Site, on_delete=models.CASCADE)
        name = models.CharField(max_length=9)

        class Meta:
            app_label = "testapp"

    found = guess(Note)
    assert found is not None
    text = module([found])
    compile(text, "live.py", "exec")
    assert "import Q" not in text
