"""When a message is tried again, when an endpoint is left alone, and when it is given up."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from spool_live import tasks, webhooks
from spool_live.conf import WEBHOOK_RETRIES
from spool_live.delivery import deliver_and_mirror
from spool_live.models import Site, WebhookAttempt, WebhookDelivery, WebhookEndpoint, WebhookMessage
from spool_live.signals import webhook_endpoint_disabled
from spool_live.webhooks import log, policy
from spool_live.webhooks.claiming import claim
from spool_live.webhooks.settling import settle
from tests.outbox.conftest import Clock, waiting
from tests.webhooks.receiving import Inbox

Live = Callable[..., None]


class TestPolicy:
    def test_attempts_are_spread_over_at_least_27_hours(self) -> None:
        waits = [
            policy.retry_delay(n, WEBHOOK_RETRIES, jitter=lambda: 0.0)
            for n in range(1, len(WEBHOOK_RETRIES) + 1)
        ]
        assert sum((w for w in waits if w), timedelta(0)) >= timedelta(hours=27)
        assert policy.retry_delay(len(WEBHOOK_RETRIES) + 1, WEBHOOK_RETRIES) is None

    def test_jitter_only_adds(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(policy, "SPREAD", 0.2)
        longest = policy.retry_delay(1, [timedelta(seconds=10)], jitter=lambda: 1.0)
        assert longest == timedelta(seconds=12)

    def test_receiver_may_ask_for_more_and_not_for_less(self) -> None:
        schedule = [timedelta(seconds=10)]
        asked = policy.retry_delay(1, schedule, retry_after=60, jitter=lambda: 0.0)
        assert asked == timedelta(seconds=60)
        assert policy.retry_delay(1, schedule, retry_after=1, jitter=lambda: 0.0) == schedule[0]

    def test_first_failure_leaves_the_endpoint_going(self) -> None:
        assert policy.rest(1) == timedelta(0)
        rests = [policy.rest(n, jitter=lambda: 0.0).total_seconds() for n in range(2, 12)]
        assert rests == [1, 2, 4, 8, 16, 32, 60, 60, 60, 60]
        assert policy.rest(10**9) <= policy.LONGEST_REST

    def test_given_up_after_as_long_as_the_setting_says(self) -> None:
        now = timezone.now()
        since = now - timedelta(days=5)
        assert policy.is_given_up(since, now, timedelta(days=5))
        assert not policy.is_given_up(since, now, timedelta(days=5, seconds=1))
        assert not policy.is_given_up(None, now, timedelta(0))


pytestmark = pytest.mark.django_db(databases="__all__")


@pytest.fixture(autouse=True)
def _no_jitter(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(policy, "SPREAD", 0.0)


def send(site: Site, number: int = 1) -> None:
    waiting(site, number)
    deliver_and_mirror("default")
    webhooks.send_pending("default")


def state(endpoint: WebhookEndpoint) -> WebhookDelivery:
    return WebhookDelivery.objects.get(pk=endpoint.pk)


def test_message_is_given_up_after_its_last_attempt(
    site: Site, endpoint: WebhookEndpoint, inbox: Inbox, clock: Clock
) -> None:
    inbox.answers = [500] * 100
    send(site)
    for wait in WEBHOOK_RETRIES:
        clock.now += wait + policy.LONGEST_REST
        webhooks.send_pending("default")
    [message] = WebhookMessage.objects.all()
    assert (message.state, message.attempts) == ("failed", 8)
    assert len(inbox.requests) == 8
    clock.advance(days=1)
    webhooks.send_pending("default")
    assert len(inbox.requests) == 8


@pytest.mark.parametrize("status", [301, 302, 307, 308, 400, 401, 404, 422, 429, 500, 503])
def test_everything_but_2xx_is_tried_again(
    status: int, site: Site, endpoint: WebhookEndpoint, inbox: Inbox, clock: Clock
) -> None:
    inbox.answers = [status]
    send(site)
    assert WebhookMessage.objects.get().last_error.startswith(f"HTTP {status}")
    clock.advance(seconds=6)
    webhooks.send_pending("default")
    assert inbox.seqs == [1]


@pytest.mark.parametrize("status", [200, 201, 202, 204, 299])
def test_any_2xx_is_success(
    status: int, site: Site, endpoint: WebhookEndpoint, inbox: Inbox
) -> None:
    inbox.answers = [status]
    send(site)
    assert not WebhookMessage.objects.exists()


def test_retry_after_is_honoured_up_to_a_quarter_of_an_hour(
    site: Site, endpoint: WebhookEndpoint, inbox: Inbox, clock: Clock
) -> None:
    inbox.answers = [(503, {"retry-after": "60"}), (503, {"retry-after": "99999999"})]
    send(site)
    for wait, seen in ((59, 1), (2, 2), (898, 2), (3, 3)):
        clock.advance(seconds=wait)
        webhooks.send_pending("default")
        assert len(inbox.requests) == seen
    assert inbox.seqs == [1]


def test_endpoint_that_asks_to_be_left_alone_gets_no_other_message(
    site: Site, endpoint: WebhookEndpoint, inbox: Inbox, clock: Clock
) -> None:
    inbox.answers = [(429, {"retry-after": "60"})]
    send(site, 3)
    assert len(inbox.requests) == 1
    clock.advance(seconds=61)
    webhooks.send_pending("default")
    assert sorted(seq or 0 for seq in inbox.seqs) == [1, 2, 3]


def test_gone_disables_at_once_and_is_reported(
    site: Site, endpoint: WebhookEndpoint, inbox: Inbox, caplog: pytest.LogCaptureFixture
) -> None:
    reported: list[dict[str, Any]] = []

    def report(**given: Any) -> None:
        reported.append(given)

    webhook_endpoint_disabled.connect(report)
    inbox.answers = [410]
    send(site, 3)
    webhook_endpoint_disabled.disconnect(report)
    endpoint.refresh_from_db()
    assert endpoint.disabled == "gone"
    assert len(inbox.requests) == 1
    assert [one["reason"] for one in reported] == ["the receiver answered 410 Gone"]
    assert any(r.levelno == logging.ERROR for r in caplog.records if "disabled" in r.message)


def test_nothing_but_failure_for_five_days_disables(
    site: Site, endpoint: WebhookEndpoint, inbox: Inbox, clock: Clock
) -> None:
    inbox.answers = [500] * 1000
    send(site)
    for _ in range(5 * 24 - 1):
        clock.advance(hours=1)
        send(site)
    endpoint.refresh_from_db()
    assert endpoint.disabled == ""
    clock.advance(hours=1, seconds=1)
    send(site)
    endpoint.refresh_from_db()
    assert endpoint.disabled == "failed"


def test_one_success_in_five_days_keeps_it(
    site: Site, endpoint: WebhookEndpoint, inbox: Inbox, clock: Clock
) -> None:
    inbox.answers = [*[500] * 30, 200, *[500] * 1000]
    send(site)
    for _ in range(5 * 24):
        clock.advance(hours=1, seconds=5)
        send(site)
    endpoint.refresh_from_db()
    assert endpoint.disabled == ""


def test_after_an_outage_what_failed_in_it_goes_at_once(
    site: Site, endpoint: WebhookEndpoint, inbox: Inbox, clock: Clock
) -> None:
    inbox.answers = [503] * 8
    send(site, 20)
    while inbox.answers:
        clock.advance(seconds=61)
        webhooks.send_pending("default")
    clock.advance(seconds=61)
    webhooks.send_pending("default")
    assert sorted(seq for seq in inbox.seqs if seq) == list(range(1, 21)), "no hours later"


def test_messages_that_always_fail_are_hurried_once_only(
    site: Site, endpoint: WebhookEndpoint, inbox: Inbox, clock: Clock
) -> None:
    """Poison in a row looks like an outage: its schedule must not collapse for it."""
    take = inbox.take

    def refuse_first_four(body: bytes, headers: dict[str, str]) -> tuple[int, dict[str, str]]:
        if any(f'"seq":{n}}}'.encode() in body for n in (1, 2, 3, 4)):
            inbox.requests.append((headers, body))
            return 500, {}
        return take(body, headers)

    inbox.take = refuse_first_four  # type: ignore[method-assign]
    send(site, 10)
    for _ in range(60):
        clock.advance(seconds=5)
        webhooks.send_pending("default")
    assert sorted(seq for seq in inbox.seqs if seq) == list(range(5, 11))
    waiting_ones = WebhookMessage.objects.filter(state="waiting")
    assert waiting_ones.count() == 4
    assert max(waiting_ones.values_list("attempts", flat=True)) <= 4


def test_lost_lease_writes_nothing(site: Site, endpoint: WebhookEndpoint, inbox: Inbox) -> None:
    waiting(site, 2)
    deliver_and_mirror("default")
    [job] = claim("default", 10)
    assert claim("default", 10) == [], "it is leased"
    WebhookDelivery.objects.update(lease_token=None, leased_until=None)
    from spool_live.webhooks.client import shared
    from spool_live.webhooks.running import run

    assert settle("default", job, run(job, shared())) is False
    assert state(endpoint).cursor_seq == 0
    assert WebhookAttempt.objects.count() == 2, "the log knows"
    webhooks.send_pending("default")
    assert inbox.seqs == [1, 2]
    assert inbox.repeated == 2


def test_lease_of_a_killed_worker_ends(
    site: Site, endpoint: WebhookEndpoint, inbox: Inbox, clock: Clock
) -> None:
    waiting(site)
    deliver_and_mirror("default")
    assert claim("default", 10)
    webhooks.send_pending("default")
    assert inbox.seqs == []
    clock.advance(seconds=36)
    webhooks.send_pending("default")
    assert inbox.seqs == [1]


def test_clock_that_was_set_back_holds_nothing_up(
    site: Site, endpoint: WebhookEndpoint, inbox: Inbox
) -> None:
    far = timezone.now() + timedelta(days=300)
    WebhookDelivery.objects.update(leased_until=far, resting_until=far)
    send(site)
    assert inbox.seqs == [1]


def test_rate_of_an_endpoint_is_kept(site: Site, inbox: Inbox, clock: Clock) -> None:
    _, inbox.secret = webhooks.create_endpoint(site, inbox.url, rate=5)
    send(site, 12)
    assert inbox.seqs == [1, 2, 3, 4, 5]
    clock.advance(seconds=1.1)
    webhooks.send_pending("default")
    assert len(inbox.seqs) == 10


def test_update_that_left_the_history_is_given_up_with_the_reason(
    site: Site, endpoint: WebhookEndpoint, inbox: Inbox, clock: Clock
) -> None:
    from spool_live.models import OutboxEntry

    inbox.answers = [500]
    send(site)
    OutboxEntry.objects.all().delete()
    clock.advance(seconds=10)
    webhooks.send_pending("default")
    message = WebhookMessage.objects.get()
    assert message.state == "failed"
    assert "HISTORY_RETENTION" in message.last_error


def test_log_is_bounded_by_age_and_by_number(
    site: Site, endpoint: WebhookEndpoint, inbox: Inbox, clock: Clock, live: Live
) -> None:
    live(WEBHOOK_LOG_SIZE=5, WEBHOOK_LOG_RETENTION=3600)
    send(site, 9)
    assert log.purge("default") == 4
    assert list(WebhookAttempt.objects.values_list("seq", flat=True)) == [9, 8, 7, 6, 5]
    clock.advance(hours=2)
    tasks.clean_up()
    assert not WebhookAttempt.objects.exists()


def test_rows_of_a_deleted_endpoint_are_purged(
    site: Site, endpoint: WebhookEndpoint, inbox: Inbox
) -> None:
    inbox.answers = [500]
    send(site, 2)
    endpoint.delete()
    assert not WebhookAttempt.objects.exists()
    assert not WebhookMessage.objects.exists()
    WebhookAttempt.objects.create(
        endpoint_id=site.pk, update_id=site.pk, at=timezone.now(), milliseconds=1, is_success=True
    )  # written by a sender that was under way
    assert log.purge("default") == 1
