"""Everything that the admin shows, for one paper: each text of it carries the paper's word."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from django.apps import apps
from django.db.models import Model, Q
from django.utils import timezone

from spool_live import keys, outbox
from spool_live.models import (
    AlertEpisode,
    ApiKeyUse,
    DeliveryAttempt,
    FailedAuthentication,
    IsolationReport,
    OperatorEvent,
    OutboxEntry,
    Site,
    SiteDelivery,
    WebhookAttempt,
    WebhookEndpoint,
    WebhookMessage,
)
from spool_live.updates import EventType, LiveUpdateData
from tests.admin.live_rows import live_update


@dataclass
class Paper:
    """A site, and what must not be seen of it by others."""

    word: str
    site: Site
    rows: list[Model] = field(default_factory=list)

    @property
    def texts(self) -> set[str]:
        """Its word, and all long ids and prefixes of its rows."""
        found = {self.word}
        for row in self.rows:
            for name in ("pk", "site_id", "item_id", "update_id", "key_id", "prefix"):
                value = str(getattr(row, name, "") or "")
                if len(value) >= 8 and value != "default":
                    found.add(value)
        return found

    def row_of(self, model: type[Model]) -> Model:
        """One of its rows."""
        return next(row for row in self.rows if type(row) is model)

    def stored(self) -> list[dict[str, Any]]:
        """Its rows as the database has them."""
        models = sorted({type(row) for row in self.rows}, key=lambda model: model.__name__)
        pks = {model: [r.pk for r in self.rows if type(r) is model] for model in models}
        return [
            row
            for model in models
            for row in model._default_manager.filter(pk__in=pks[model]).order_by("pk").values()
        ]


def paper(word: str) -> Paper:
    """A paper with something of everything."""
    now = timezone.now()
    site = Site.objects.create(name=f"{word} Courier")
    made = Paper(word, site)
    plain = [keys.create_key(site, name=f"{word} {n}", note=f"{word} note") for n in "12"]
    keys.revoke_key(plain[1][0])
    for number in range(3):
        data = LiveUpdateData(
            EventType.UPDATED,
            f"{word}s",
            uuid.uuid4(),
            slug=f"{word}-{number}",
            metadata={"title": f"{word} title"},
        )
        outbox.record([(site.pk, data)], using="default")
    entries = OutboxEntry.objects.filter(site_id=site.pk)
    dead, delivered, _ = entries.order_by("pk").values_list("pk", flat=True)
    entries.filter(pk=dead).update(
        state="dead", seq=1, last_error=f"{word} refused", settled_at=now
    )
    outbox.requeue_dead("default", Q(pk=dead))
    entries.filter(pk=dead).update(
        state="dead", seq=1, last_error=f"{word} refused", settled_at=now
    )
    entries.filter(pk=delivered).update(state="delivered", seq=2, settled_at=now)
    delivery, _ = SiteDelivery.objects.get_or_create(pk=site.pk)
    delivery.last_error, delivery.retry_at = f"{word} waits", now + timedelta(minutes=1)
    delivery.save()
    FailedAuthentication.objects.create(
        hour=now, prefix=plain[0][0].prefix, address=f"{word}.example", reason="wrong_secret",
        count=3, last_at=now,
    )  # fmt: skip
    endpoint = WebhookEndpoint.objects.create(site=site, url=f"https://{word.lower()}.invalid/in")
    for pk in (str(site.pk), str(endpoint.pk), f"default-{word}"):
        episode = AlertEpisode.objects.create(
            rule="dead", subject=pk, state="failing", summary=f"{word} has dead entries",
            started_at=now, found_at=now, seen_at=now, open_key=f"dead|{pk}",
        )  # fmt: skip
        episode.notices.create(kind="firing", channel="email", due_at=now, error=f"{word} mailbox")
        made.rows.append(episode)
    update = {"endpoint": endpoint, "update_id": uuid.uuid4(), "seq": 1}
    WebhookMessage.objects.create(entry_id=dead, due_at=now, last_error=f"{word} hook", **update)
    WebhookAttempt.objects.create(
        at=now, milliseconds=1, is_success=False, error=f"{word} hook", request=word, **update
    )
    DeliveryAttempt.objects.create(
        site_id=site.pk, at=now, milliseconds=1, outcome="dead", reason=f"{word} refused",
        first_entry=dead, last_entry=dead, entries=[dead],
    )  # fmt: skip
    ApiKeyUse.objects.create(
        key_id=plain[0][0].pk, site_id=site.pk, address=f"{word}.example", last_at=now
    )
    OperatorEvent.objects.create(
        action="repaired", origin="admin", site_id=site.pk, subject=f"{word} items"
    )
    live_update(site, collection=f"{word}s", slug=f"{word}-1", seq=1)
    made.rows += _of(site)
    return made


def report_on(paper: Paper) -> IsolationReport:
    """A verification that found something of the paper."""
    finding = {
        "code": "real-site-leaks", "severity": "error", "title": "A real site leaks",
        "subject": f"site {paper.site.pk}", "reason": f"{paper.word} is read",
        "remedy": f"look at {paper.word}", "sql": f"-- {paper.word}",
    }  # fmt: skip
    body = {
        "database": "default", "server_version": "17", "one_database": True,
        "realtime_mode": "broadcast", "roles": ["anon"], "schemas": ["public"], "attacks": 1,
        "started_at": timezone.now().isoformat(), "duration": 1.0, "findings": [finding],
    }  # fmt: skip
    return IsolationReport.objects.create(
        started_at=timezone.now(), is_clean=False, is_isolated=False, report=body
    )


def _of(site: Site) -> list[Model]:
    """Every row of ours that says whose it is."""
    found: list[Model] = [site]
    for model in apps.get_app_config("spool_live").get_models():
        names = {one.name for one in model._meta.get_fields()}
        for name in ("site", "site_id", "endpoint"):
            if name in names:
                lookup = "endpoint__site" if name == "endpoint" else name
                found += model._default_manager.filter(**{lookup: site.pk})
    prefixes = list(site.api_keys.values_list("prefix", flat=True))
    found += FailedAuthentication.objects.filter(prefix__in=prefixes)
    return found
