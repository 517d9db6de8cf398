"""Cache tags: what a change makes stale travels with its update, whatever else does not fit."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Iterator
from typing import Any

import pytest
from django.db.models import Model

import spool_live
from spool_live import LiveCollection, LiveUpdateData, broadcast_update, checks, webhooks
from spool_live.broadcasters.memory import MemoryBroadcaster
from spool_live.collections import registry
from spool_live.delivery import deliver_and_mirror
from spool_live.exceptions import SpoolLiveConfigurationError
from spool_live.metadata import METADATA_LIMIT
from spool_live.models import OutboxEntry, Site
from spool_live.outbox.coalescing import merged
from spool_live.tags import MAX_TAG_LENGTH, MAX_TAGS, default_tags
from spool_live.updates import EventType, Update
from tests.testapp.models import Article
from tests.webhooks.conftest import _loopback  # noqa: F401 - autouse
from tests.webhooks.receiving import receiving

pytestmark = pytest.mark.django_db(databases="__all__")


@pytest.fixture
def register() -> Iterator[Any]:
    """Registers a collection for ``Article`` in the place of the usual one."""
    usual = registry.of_model(Article)[0]
    registry.unregister(Article)

    def make(collection: type[LiveCollection]) -> LiveCollection:
        return registry.register(Article, collection)

    yield make
    if registry.of_model(Article):
        registry.unregister(Article)
    registry.register(Article, type(usual))


def tags() -> list[list[str]]:
    """The tags of each update that arrived, delivering what waits."""
    deliver_and_mirror("default")
    return [update.metadata["cache_tags"] for update in MemoryBroadcaster.updates]


class Tagged(LiveCollection):
    name = "articles"
    slug_field = "slug"


def test_updates_carry_what_they_make_stale(register: Any) -> None:
    register(Tagged)
    site = Site.objects.create(name="Courier")
    article = Article.objects.create(site=site, slug="first")
    pk = article.pk
    article.slug = "second"
    article.save()
    article.delete()
    item = Tagged(Article).item_id_of(Article(pk=pk))
    assert tags() == [
        ["articles", f"articles:{item}", "articles:first"],
        ["articles", f"articles:{item}", "articles:second", "articles:first"],
        ["articles", f"articles:{item}", "articles:second"],
    ]


def test_unpublishing_carries_them(register: Any) -> None:
    class Published(Tagged):
        def is_published(self, item: Article) -> bool:
            return item.title != "draft"

    register(Published)
    site = Site.objects.create(name="Courier")
    article = Article.objects.create(site=site, slug="a", title="out")
    article.title = "draft"
    article.save()
    assert [found[-1] for found in tags()] == ["articles:a"] * 2
    assert MemoryBroadcaster.updates[-1].metadata["published"] is False


def test_dependents_of_before_and_after_are_among_them(register: Any) -> None:
    class Dependent(Tagged):
        def dependents(self, item: Article) -> Iterable[str]:
            return [f"authors:{item.title}"]

    register(Dependent)
    site = Site.objects.create(name="Courier")
    article = Article.objects.create(site=site, slug="a", title="Ada")
    article.title = "Grace"
    article.save()
    first, second = tags()
    assert first[-1] == "authors:Ada"
    assert {"authors:Ada", "authors:Grace"} < set(second)


def test_dependent_item_stands_for_its_tags(register: Any) -> None:
    class Dependent(Tagged):
        def dependents(self, item: Article) -> Iterable[str | Model]:
            return [*Article.objects.exclude(pk=item.pk), item.site, "landing"]

    register(Dependent)
    site = Site.objects.create(name="Courier")
    other = Article.objects.create(site=site, slug="a")
    Article.objects.create(site=site, slug="b")
    assert tags()[1][3:] == [f"articles:{other.pk}", "articles:a", "landing"]


def test_webhook_and_live_update_have_the_same(register: Any) -> None:
    register(Tagged)
    site = Site.objects.create(name="Courier")
    with receiving() as inbox:
        _, inbox.secret = webhooks.create_endpoint(site, inbox.url)
        Article.objects.create(site=site, slug="a")
        found = tags()
        webhooks.send_pending("default")
    assert [event.metadata["cache_tags"] for event in inbox.events] == found


def test_failing_function_costs_neither_the_save_nor_the_tags(
    register: Any, caplog: pytest.LogCaptureFixture
) -> None:
    class Failing(Tagged):
        def dependents(self, item: Article) -> Iterable[str]:
            raise RuntimeError

    register(Failing)
    Article.objects.create(site=Site.objects.create(name="Courier"), slug="a")
    assert tags()[0][0] == "articles"
    assert "cannot give cache tags" in caplog.text


def test_own_key_wins_and_a_check_says_so(register: Any) -> None:
    class Own(Tagged):
        metadata_fields = {"cache_tags": "title"}

    register(Own)
    Article.objects.create(site=Site.objects.create(name="Courier"), title="mine", slug="a")
    assert tags() == ["mine"]  # type: ignore[comparison-overlap]  # its own, not ours
    assert [message.id for message in checks.check_cache_tags(None)] == ["spool_live.W017"]


def test_public_function_gives_the_same(register: Any) -> None:
    register(Tagged)
    article = Article.objects.create(site=Site.objects.create(name="Courier"), slug="a")
    assert spool_live.cache_tags(article) == tags()[0]
    assert spool_live.cache_tags(article, lists=False) == tags()[0][1:]
    with pytest.raises(SpoolLiveConfigurationError, match="not registered"):
        spool_live.cache_tags(Site())


def test_update_by_hand_has_them() -> None:
    site = Site.objects.create(name="Courier")
    item = uuid.uuid4()
    broadcast_update(site, LiveUpdateData(EventType.UPDATED, "pages", item, "home"))
    assert tags() == [["pages", f"pages:{item}", "pages:home"]]


def entry(metadata: str, **given: Any) -> Any:
    values = {
        "pk": 1,
        "seq": 1,
        "update_id": uuid.uuid4(),
        "site_id": uuid.uuid4(),
        "event_type": "content.updated",
        "collection": "articles",
        "item_id": uuid.UUID(int=1),
        "slug": "a",
        "timestamp": 0,
    }
    return type("Entry", (), values | given), metadata


def test_full_metadata_is_cut_and_never_the_tags() -> None:
    text = '{"title": "Ö", "body": "' + "x" * (METADATA_LIMIT - 60) + '"}'
    update = Update.of_entry(*entry(text))
    assert update.metadata["cache_tags"][0] == "articles"
    assert update.metadata["title"] == "Ö"
    assert update.metadata["truncated"] is True
    assert "body" not in update.metadata


def test_tags_are_bounded() -> None:
    assert max(map(len, default_tags("a" * 200, "b" * 200, "c"))) == MAX_TAG_LENGTH
    many = [f"t{n}" for n in range(500)]
    assert len(spool_live.tags.fitting(many)) == MAX_TAGS


def test_merged_updates_carry_the_tags_of_both() -> None:
    def made(tags: str) -> Any:
        from spool_live.outbox.entries import ClaimedEntry

        metadata = f'{{"cache_tags": {tags}}}'
        ids = (uuid.uuid4(), uuid.uuid4())
        return ClaimedEntry(
            1, *ids, "content.updated", "articles", uuid.UUID(int=1), "a", None, metadata, None, 0
        )

    one = merged(made('["x", "z"]'), made('["y", "z"]'))
    assert one is not None
    assert one.metadata == '{"cache_tags":["y","z","x"]}'


def test_stored_entry_is_no_larger_for_them(register: Any) -> None:
    register(Tagged)
    Article.objects.create(site=Site.objects.create(name="Courier"), slug="a")
    assert OutboxEntry.objects.get().metadata == {}
