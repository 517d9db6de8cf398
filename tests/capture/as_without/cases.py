"""The cases: what a project's receivers, expressions, fields and ways of saving do, and the events
that have to be recorded of it."""

from __future__ import annotations

import copy
import datetime
import pickle
import uuid
from collections.abc import Callable
from contextlib import suppress
from decimal import Decimal
from functools import partial
from typing import Any, NamedTuple

from asgiref.sync import async_to_sync
from django.core import serializers
from django.core.files.base import ContentFile
from django.db import DatabaseError, IntegrityError, connection, models, transaction
from django.db.models import Case as If
from django.db.models import F, Func, Q, Subquery, Value, When
from django.db.models.functions import Coalesce, Concat, Length, Lower, Now, Upper
from django.db.models.signals import post_save, pre_save
from django.forms import modelform_factory
from django.utils.translation import gettext_lazy

from spool_live import LiveQuerySet, batch
from tests.capture.as_without.world import Case, World
from tests.testapp.models import Feature, SeenTitle, Status, Story, StoryProxy

CREATED, UPDATED, PUBLISHED, DELETED = "created", "updated", "published", "deleted"
UTC = datetime.UTC


class Row(NamedTuple):
    """A line of the table. ``trigger`` are the events where triggers see what signals do not."""

    case: Case
    events: tuple[str, ...]
    trigger: tuple[str, ...] | None = None
    audited: bool = True


TABLE: dict[str, Row] = {}


def row(
    *events: str, trigger: tuple[str, ...] | None = None, audited: bool = True
) -> Callable[[Case], Case]:
    """Adds a case to the table; ``audited`` is whether the audit has to find nothing."""

    def add(case: Case) -> Case:
        TABLE[case.__name__] = Row(case, events, trigger, audited)
        return case

    return add


def assign(name: str, *events: str, **values: Callable[[], Any]) -> None:
    """Adds a case that sets values and saves."""

    def case(world: World) -> None:
        for attname, make in values.items():
            setattr(world.story, attname, make())
        world.story.save()

    TABLE[name] = Row(case, events)


# -- receivers ---------------------------------------------------------------------------------


def _swallow(instance: Story) -> None:
    SeenTitle.objects.get_or_create(title="seen")
    try:
        with transaction.atomic():
            SeenTitle.objects.create(title="seen")
    except IntegrityError:
        pass


def _swallow_without_a_block(instance: Story) -> None:
    with suppress(IntegrityError):
        SeenTitle.objects.create(title=instance.title)


def _durable(instance: Story) -> None:
    with transaction.atomic(durable=True):
        SeenTitle.objects.create(title="durable")


def _raise(instance: Story) -> None:
    raise LookupError("the project's own")


def _locked(instance: Story) -> None:
    list(SeenTitle.objects.select_for_update())


def _broken_sql(instance: Story) -> None:
    try:
        with connection.cursor() as cursor:
            cursor.execute("select no_such_column from testapp_seentitle")
    except DatabaseError:
        pass


def _roll_back_own_block(instance: Story) -> None:
    with transaction.atomic():
        SeenTitle.objects.create(title="taken back")
        transaction.set_rollback(True)


def _save(world: World, **values: Any) -> None:
    for name, value in values.items():
        setattr(world.story, name, value)
    world.story.save()


for name, receiver in {
    "swallows an integrity error in a block": _swallow,
    "opens a durable transaction": _durable,
    "raises": _raise,
    "locks rows": _locked,
    "rolls its own block back": _roll_back_own_block,
}.items():
    for signal, when in ((pre_save, "pre_save"), (post_save, "post_save")):

        def case(world: World, signal: Any = signal, receiver: Any = receiver) -> None:
            world.on(signal, receiver)
            _save(world, status="published")

        stays = receiver not in (_raise, _durable, _locked)
        TABLE[f"{when} {name}"] = Row(case, (PUBLISHED,) if stays else ("?",))


@row("?")
def post_save_swallows_an_integrity_error(world: World) -> None:
    SeenTitle.objects.create(title="new")
    world.on(post_save, _swallow_without_a_block)
    _save(world, title="new")


@row("?")
def pre_save_swallows_an_integrity_error(world: World) -> None:
    SeenTitle.objects.create(title="new")
    world.on(pre_save, _swallow_without_a_block)
    _save(world, title="new")


@row("?")
def post_save_swallows_broken_sql(world: World) -> None:
    world.on(post_save, _broken_sql)
    _save(world, title="new")


@row(UPDATED)
def post_save_registers_a_callback(world: World) -> None:
    world.on(post_save, lambda instance: transaction.on_commit(partial(world.note, "committed")))
    _save(world, title="new")
    world.note("saved")


@row(UPDATED)
def pre_save_registers_a_callback(world: World) -> None:
    world.on(pre_save, lambda instance: transaction.on_commit(partial(world.note, "committed")))
    _save(world, title="new")
    world.note("saved")


@row(UPDATED)
def pre_save_changes_the_object(world: World) -> None:
    world.on(pre_save, lambda instance: setattr(instance, "title", instance.title.upper()))
    _save(world, title="new")


@row(PUBLISHED)
def pre_save_publishes(world: World) -> None:
    world.on(pre_save, lambda instance: setattr(instance, "status", "published"))
    _save(world, title="new")


@row(PUBLISHED, UPDATED)
def post_save_saves_again(world: World) -> None:
    def again(instance: Story) -> None:
        if not instance.body:
            instance.body = "rendered"
            instance.save()

    world.on(post_save, again)
    _save(world, status="published")


@row(PUBLISHED, UPDATED)
def post_save_saves_another_instance(world: World) -> None:
    def again(instance: Story) -> None:
        if not instance.body:
            other = Story.objects.get(pk=instance.pk)
            other.body = instance.body = "rendered"
            other.save()

    world.on(post_save, again)
    _save(world, status="published")


@row(UPDATED, PUBLISHED)
def pre_save_saves_the_row_first(world: World) -> None:
    def first(instance: Story) -> None:
        if not instance.body:
            instance.body = "counted"
            other = Story.objects.get(pk=instance.pk)
            other.views, other.body = 5, "counted"
            other.save()

    world.on(pre_save, first)
    _save(world, status="published")


@row(UPDATED, trigger=(UPDATED, UPDATED))
def post_save_updates_by_a_query_set(world: World) -> None:
    def update(instance: Story) -> None:
        Story.objects.update(body="x")

    world.on(post_save, update)
    _save(world, title="new")


@row(CREATED, DELETED)
def post_save_deletes(world: World) -> None:
    world.on(post_save, lambda instance: instance.delete() and None)
    Story.objects.create(site=world.site, title="short")


@row(CREATED, UPDATED)
def post_save_creates_another(world: World) -> None:
    def create(instance: Story) -> None:
        if instance.title == "first":
            Story.objects.filter(title="Ferry").get().save()

    world.on(post_save, create)
    Story.objects.create(site=world.site, title="first")


@row(UPDATED)
def post_save_catches_what_another_raises(world: World) -> None:
    def save(instance: SeenTitle) -> None:
        raise LookupError

    world.on(post_save, save, SeenTitle)

    def catch(instance: Story) -> None:
        try:
            SeenTitle.objects.create(title="x")
        except LookupError:
            world.note("caught")

    world.on(post_save, catch)
    _save(world, title="new")


# -- expressions -------------------------------------------------------------------------------

assign("F", UPDATED, views=lambda: F("views") + 1)
assign("F of a decimal", UPDATED, price=lambda: F("price") + Decimal("1.50"))
assign("Now", UPDATED, moment=Now)
assign("Value", UPDATED, title=lambda: Value("valued"))
assign("Lower", UPDATED, title=lambda: Lower(F("title")))
assign("Upper of the slug", UPDATED, slug=lambda: Upper(F("slug")))
assign("Concat", UPDATED, title=lambda: Concat(F("title"), Value(" & more")))
assign("Coalesce", UPDATED, views=lambda: Coalesce(F("views"), 3) * 2)
assign("Length", UPDATED, views=lambda: Length(F("title")))
assign("Func", UPDATED, title=lambda: Func(F("title"), function="TRIM"))
assign(
    "Case",
    PUBLISHED,
    status=lambda: If(When(views=0, then=Value("published")), default=F("status")),
)
assign("Subquery", UPDATED, views=lambda: Subquery(Story.objects.values("rank")[:1]))
assign(
    "condition",
    UPDATED,
    featured=lambda: models.ExpressionWrapper(Q(views=0), models.BooleanField()),
)
assign(
    "several at once", PUBLISHED, status=lambda: Value("published"), views=lambda: F("views") + 2
)


@row(DELETED, CREATED)
def site_by_an_expression(world: World) -> None:
    _save(world, site_id=Value(world.other.pk, output_field=models.UUIDField()))


@row(UPDATED)
def expression_with_update_fields(world: World) -> None:
    world.story.views = F("views") + 1
    world.story.title = "not saved"
    world.story.save(update_fields=["views"])


@row(UPDATED, UPDATED)
def expression_saved_twice(world: World) -> None:
    world.story.views = F("views") + 1
    world.story.save()
    world.story.save()


@row(CREATED)
def expression_in_an_insert(world: World) -> None:
    Story.objects.create(site=world.site, title=Lower(Value("ABC")), moment=Now())


@row(PUBLISHED)
def published_by_an_expression_in_an_insert(world: World) -> None:
    Story.objects.create(site=world.site, status=Lower(Value("PUBLISHED")))


# -- kinds of fields ---------------------------------------------------------------------------

assign("moment as text", UPDATED, moment=lambda: "2026-01-02T03:04:05Z")
assign(
    "moment in another zone",
    UPDATED,
    moment=lambda: datetime.datetime(
        2026, 1, 2, tzinfo=datetime.timezone(datetime.timedelta(hours=2))
    ),
)
assign("date as text", UPDATED, day=lambda: "2026-01-02")
assign("date as a moment", UPDATED, day=lambda: datetime.datetime(2026, 1, 2, 3, tzinfo=UTC))
assign("time as text", UPDATED, hour=lambda: "12:30")
assign("duration", UPDATED, length=lambda: datetime.timedelta(minutes=3))
assign("decimal with more places", UPDATED, price=lambda: Decimal("1.256"))
assign("decimal with fewer places", UPDATED, price=lambda: Decimal("1.5"))
assign("decimal as text", UPDATED, price=lambda: "2.50")
assign("decimal as a float", UPDATED, price=lambda: 2.5)
assign("integer as text", UPDATED, views=lambda: "12")
assign("integer as a float", UPDATED, views=lambda: 12.0)
assign("boolean as text", UPDATED, featured=lambda: "True")
assign("boolean as a number", UPDATED, featured=lambda: 1)
assign("float as an integer", UPDATED, ratio=lambda: 2)
assign("text as a number", UPDATED, title=lambda: 2026)
assign("lazy text", UPDATED, title=lambda: gettext_lazy("Yes"))
assign("enumeration", PUBLISHED, status=lambda: Status.PUBLISHED)
assign("UUID as text", UPDATED, token=lambda: "0d4f6c1e-5a3b-4c2d-8e9f-7a6b5c4d3e2f")
assign("UUID", UPDATED, token=lambda: uuid.UUID(int=7))
assign("address", UPDATED, address=lambda: "2001:0DB8:0000::1")
assign("document", UPDATED, extra=lambda: {"a": (1, 2), "b": None})
assign("lower-case field", UPDATED, code=lambda: "MiXeD")
assign("field with a codec", UPDATED, words=lambda: ["a", 1])
assign("generated", PUBLISHED, status=lambda: "published")
assign("file", UPDATED, scan=lambda: ContentFile(b"x", name="scan.txt"))
assign("default of the database", UPDATED, rank=lambda: 8)
assign("text in other letters", UPDATED, title=lambda: 'Fähre 🛳 "quoted" \\ %s {}')


@row(CREATED)
def default_of_the_database_in_an_insert(world: World) -> None:
    Story.objects.create(site=world.site)


@row(DELETED, CREATED)
def site_as_text(world: World) -> None:
    _save(world, site_id=str(world.other.pk))


# -- ways of saving ----------------------------------------------------------------------------


@row(UPDATED)
def plain_save(world: World) -> None:
    world.story.save()


@row(UPDATED)
def save_of_unsaved_changes_with_update_fields(world: World) -> None:
    world.story.title, world.story.slug, world.story.status = "saved", "not", "published"
    world.story.save(update_fields=["title"])


@row(UPDATED)
def forced_update(world: World) -> None:
    world.story.save(force_update=True)


@row()
def forced_update_of_no_row(world: World) -> None:
    Story(pk=10**9, site=world.site).save(force_update=True)


@row(CREATED)
def forced_insert(world: World) -> None:
    Story(site=world.site).save(force_insert=True)


@row("?")
def forced_insert_of_a_row_that_is_there(world: World) -> None:
    Story(pk=world.story.pk, site=world.site).save(force_insert=True)


@row(UPDATED)
def save_with_deferred_fields(world: World) -> None:
    story = Story.objects.only("title").get()
    story.title = "new"
    story.save()


@row(UPDATED)
def save_with_one_field_deferred(world: World) -> None:
    story = Story.objects.defer("extra", "slug").get()
    story.title = "new"
    story.save()


@row(UPDATED)
def save_over_a_primary_key(world: World) -> None:
    Story(pk=world.story.pk, site=world.site, title="over").save()


@row(CREATED, UPDATED)
def update_or_create(world: World) -> None:
    for title in ("a", "b"):
        Story.objects.update_or_create(slug="made", defaults={"site": world.site, "title": title})


@row(CREATED)
def get_or_create(world: World) -> None:
    for _ in range(2):
        Story.objects.get_or_create(slug="made", defaults={"site": world.site})


@row(CREATED)
def copy_by_clearing_the_key(world: World) -> None:
    world.story.pk = None
    world.story._state.adding = True
    world.story.save()


@row(UPDATED)
def deep_copy(world: World) -> None:
    story = copy.deepcopy(world.story)
    story.title = "copied"
    story.save()


@row(UPDATED)
def pickled(world: World) -> None:
    story = pickle.loads(pickle.dumps(world.story))
    story.title = "pickled"
    story.save()


@row(UPDATED)
def refreshed(world: World) -> None:
    world.story.refresh_from_db()
    world.story.save()


@row(UPDATED)
def save_base(world: World) -> None:
    world.story.title = "base"
    world.story.save_base()


@row(trigger=(UPDATED,), audited=False)
def fixture(world: World) -> None:
    (loaded,) = serializers.deserialize("json", serializers.serialize("json", [world.story]))
    loaded.save()


@row(UPDATED)
def form(world: World) -> None:
    made = modelform_factory(Story, fields=["title", "price"])(
        {"title": "form", "price": "3.5"}, instance=world.story
    )
    made.save()


@row(CREATED)
def related_manager(world: World) -> None:
    world.site.story_set.create(title="related")


@row(UPDATED)
def savepoint_that_is_rolled_back(world: World) -> None:
    with transaction.atomic():
        _save(world, title="kept")
        with transaction.atomic():
            _save(world, title="lost")
            transaction.set_rollback(True)


@row()
def block_that_raises(world: World) -> None:
    try:
        with transaction.atomic():
            _save(world, title="lost")
            _raise(world.story)
    except LookupError:
        world.note("caught")


@row(UPDATED, UPDATED)
def two_saves_in_a_batch(world: World) -> None:
    with batch():
        _save(world, title="a")
        _save(world, title="b")


@row(PUBLISHED)
def proxy(world: World) -> None:
    story = StoryProxy.objects.get()
    story.status = "published"
    story.save()


@row(CREATED, PUBLISHED, UPDATED, DELETED)
def multi_table_inheritance(world: World) -> None:
    feature = Feature.objects.create(site=world.site, slug="feature")
    feature.status = "published"
    feature.save()
    feature.views = F("views") + 1
    feature.save()
    feature.delete()


@row(PUBLISHED)
def child_saved_as_its_parent(world: World) -> None:
    Feature(story_ptr=world.story, hero="x").save_base(raw=True)
    story = Story.objects.get(pk=world.story.pk)
    story.status = "published"
    story.save()


@row(CREATED, PUBLISHED, DELETED)
def query_sets(world: World) -> None:
    live: LiveQuerySet[Story] = LiveQuerySet(Story)
    live.bulk_create([Story(site=world.site, slug="bulk")])
    live.filter(slug="bulk").update(status=Lower(Value("PUBLISHED")))
    live.filter(slug="bulk").delete()


@row(DELETED)
def deleted(world: World) -> None:
    world.story.delete()


@row(DELETED)
def deleted_with_unsaved_changes(world: World) -> None:
    world.story.slug, world.story.site = "unsaved", world.other
    world.story.delete()


@row(DELETED)
def deleted_with_an_expression(world: World) -> None:
    world.story.views = F("views") + 1
    world.story.delete()


@row(DELETED)
def deleted_by_a_query_set(world: World) -> None:
    Story.objects.all().delete()


@row(DELETED)
def deleted_twice(world: World) -> None:
    stale = Story.objects.get()
    world.story.delete()
    stale.delete()


@row(UPDATED)
def asynchronous(world: World) -> None:
    world.story.title = "asynchronous"
    async_to_sync(world.story.asave)()
