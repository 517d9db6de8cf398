"""Signal, e-mail and webhook: what is sent, to whom, and what happens when it is not taken."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.core import mail
from django.utils import timezone
from standardwebhooks import Webhook

from spool_live.alerts import channels, send_test
from spool_live.alerts.channels import Notice
from spool_live.models import AlertNotice
from spool_live.signals import alert
from spool_live.status import Kind
from spool_live.status.observing import unsent_notices
from tests.alerts.conftest import Receiver, World

pytestmark = pytest.mark.django_db(databases="__all__")
SECRET = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD"
Live = Callable[..., None]


@pytest.fixture
def webhook(live: Live, receiver: Receiver) -> Receiver:
    """The channel is set."""
    live(ALERT_WEBHOOK_URL=receiver.url, ALERT_WEBHOOK_SECRET=SECRET)
    return receiver


def break_and_notice(world: World) -> None:
    world.breaks(Kind.DELIVERY)
    world.after(0)
    world.after(6)


def test_webhook_is_signed_and_says_everything(world: World, webhook: Receiver) -> None:
    break_and_notice(world)
    [(headers, body)] = webhook.requests
    verified = Webhook(SECRET).verify(body, headers)
    assert verified["type"] == "alert.firing"
    assert verified["data"] | {"started_at": None} == {
        "rule": "delivery",
        "subject": "default",
        "state": "stopped",
        "title": "stopped: delivery",
        "summary": "delivery broke.",
        "remedy": "Mend it.",
        "started_at": None,
        "ended_at": None,
    }
    world.breaks()
    world.after(1)
    world.after(20)
    assert json.loads(webhook.requests[1][1])["type"] == "alert.recovered"


def test_webhook_that_is_not_taken_is_tried_again_with_the_same_id(
    world: World, webhook: Receiver
) -> None:
    webhook.answers += [503, 500]
    break_and_notice(world)
    assert len(webhook.requests) == 1
    notice = AlertNotice.objects.get(channel="webhook")
    assert "HTTP 503" in notice.error
    assert (notice.attempts, notice.sent_at) == (1, None)
    shown = unsent_notices("default")
    assert len(shown) == 1
    assert "could not be sent by webhook yet" in shown[0]
    assert shown[0].endswith("the webhook's receiver answered HTTP 503.")
    world.after(5)
    assert len(webhook.requests) == 1, "not at once"
    world.after(15)
    world.after(60)
    notice.refresh_from_db()
    assert (notice.attempts, bool(notice.sent_at), notice.error) == (3, True, "")
    assert len({headers["webhook-id"] for headers, _ in webhook.requests}) == 1
    assert unsent_notices("default") == []


def test_recovery_does_not_overtake_a_notice_that_waits(world: World, webhook: Receiver) -> None:
    webhook.answers += [503] * 2
    break_and_notice(world)
    world.breaks()
    world.after(14)
    world.after(17)
    world.after(1)
    kinds = [json.loads(body)["type"] for _, body in webhook.requests]
    assert set(kinds) == {"alert.firing"}
    world.after(100)
    world.after(1)
    assert json.loads(webhook.requests[-1][1])["type"] == "alert.recovered"


def test_email_goes_to_those_named(world: World, live: Live) -> None:
    live(ALERT_EMAILS=["ops@example.com", "desk@example.com"])
    break_and_notice(world)
    [message] = mail.outbox
    assert message.subject == "[spool_live] stopped: delivery"
    assert message.to == ["ops@example.com", "desk@example.com"]
    assert message.body.startswith("delivery broke.\n\nMend it.\n\nSince ")


def test_one_channel_that_fails_holds_up_no_other(
    world: World, webhook: Receiver, notices: list[Notice], live: Live
) -> None:
    live(
        ALERT_EMAILS=["ops@example.com"],
        ALERT_WEBHOOK_URL="http://127.0.0.1:1/",
        ALERT_WEBHOOK_SECRET=SECRET,
    )
    break_and_notice(world)
    assert (len(mail.outbox), len(notices)) == (1, 1)
    assert "connection refused" in AlertNotice.objects.get(channel="webhook").error


def test_receiver_of_the_signal_that_raises_gets_it_again(world: World) -> None:
    calls: list[str] = []

    def receive(notice: Notice, **kwargs: Any) -> None:
        calls.append(notice.id)
        if len(calls) == 1:
            raise RuntimeError("password=hunter2")

    alert.connect(receive)
    try:
        break_and_notice(world)
        assert "RuntimeError" in AlertNotice.objects.get().error
        assert "hunter2" not in AlertNotice.objects.get().error
        world.after(20)
    finally:
        alert.disconnect(receive)
    assert len(calls) == 2
    assert len(set(calls)) == 1


def test_test_notice_goes_everywhere_and_says_what_failed(
    webhook: Receiver, notices: list[Notice], live: Live
) -> None:
    assert send_test() == {"signal": "", "webhook": ""}
    assert json.loads(webhook.requests[0][1])["type"] == "alert.test"
    assert [n.title for n in notices] == ["test: test"]
    webhook.answers.append(401)
    assert send_test()["webhook"] == "the webhook's receiver answered HTTP 401"


def test_heartbeat_url_is_reached_and_may_be_away(
    world: World, live: Live, receiver: Receiver
) -> None:
    live(ALERT_HEARTBEAT_URL=receiver.url)
    world.after(0)
    assert len(receiver.requests) == 1
    live(ALERT_HEARTBEAT_URL="http://127.0.0.1:1/")
    world.after(1)


def test_text_of_a_recovery_says_when_it_was_over() -> None:
    start = timezone.now()
    values = {
        "rule": "dead",
        "subject": "",
        "state": "failing",
        "summary": "1 died.",
        "remedy": "x",
    }
    notice = Notice("alert_1", "recovered", **values, started_at=start, ended_at=start)
    assert notice.title == "recovered: dead"
    assert f"Over at {timezone.localtime(start):%Y-%m-%d %H:%M:%S}" in notice.text
    assert "x" not in notice.text.replace("x", "", 0).split("\n\n")
    assert channels.configured() == ["signal"]
    assert timedelta(0) == start - notice.started_at
