"""How each peer captures a save."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from django.apps import apps
from django.db.models import Model

from benchmarks.newsroom import models

LONGEST_REQUEST = 15.0


def _save(story: Model) -> None:
    story.save()


@dataclass(frozen=True)
class Variant:
    """A way to save: its name, its model, its function, and the maximum number of saves per
    round."""

    name: str
    model: type[Model]
    save: Callable[[Model], None] = _save
    at_most: int | None = None


def PEER_VARIANTS() -> list[Variant]:  # noqa: N802
    """Return the installed peers, and the two variants that need no package."""
    variants = [
        Variant("task.delay per save", models.EnqueuedStory, _enqueue),
        Variant("POST per save", models.PostedStory, _post),
    ]
    for app, name, model, save in (
        ("reversion", "django-reversion", "RevisedStory", _revise),
        ("simple_history", "django-simple-history", "HistoricStory", _save),
        ("pghistory", "django-pghistory", "TriggeredStory", _save),
        ("django_outbox_pattern", "django-outbox-pattern", "OutboxedStory", _save),
        ("django_eventstream", "django-eventstream", "StreamedStory", _stream),
    ):
        if apps.is_installed(app):
            variants.append(Variant(name, getattr(models, model), save))
    return variants


def _enqueue(story: Model) -> None:
    from benchmarks.celery import nothing

    story.save()
    nothing.delay(story.pk)


def _post(story: Model) -> None:
    from spool_live.broadcasters.supabase import SupabaseBroadcaster

    story.save()
    row = {"title": story.title, "summary": story.summary, "seq": story.pk, "metadata": {}}  # type: ignore[attr-defined]
    broadcaster = SupabaseBroadcaster()
    with broadcaster._transport.call(LONGEST_REQUEST):  # noqa: SLF001
        broadcaster._client.table("live_updates").insert([row]).execute()  # noqa: SLF001


def _revise(story: Model) -> None:
    import reversion

    with reversion.create_revision():
        story.save()


def _stream(story: Model) -> None:
    from django_eventstream import send_event

    story.save()
    send_event("stories", "message", {"title": story.title})  # type: ignore[attr-defined]
