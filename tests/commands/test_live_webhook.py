"""``live_webhook``: the life of an endpoint from the shell."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from spool_live import webhooks
from spool_live.delivery import deliver_and_mirror
from spool_live.models import Site, WebhookEndpoint, WebhookMessage
from tests.outbox.conftest import waiting
from tests.webhooks.conftest import _loopback  # noqa: F401 - autouse
from tests.webhooks.receiving import Inbox, receiving

pytestmark = pytest.mark.django_db(databases="__all__")


def run(*arguments: str) -> list[dict[str, Any]]:
    out = io.StringIO()
    call_command("live_webhook", "--format", "json", *arguments, stdout=out)
    rows: list[dict[str, Any]] = json.loads(out.getvalue())
    return rows


def table(*arguments: str) -> str:
    out = io.StringIO()
    call_command("live_webhook", *arguments, stdout=out)
    return out.getvalue()


@pytest.fixture
def inbox() -> Iterator[Inbox]:
    with receiving() as found:
        yield found


@pytest.fixture
def site() -> Site:
    return Site.objects.create(name="Courier")


def create(site: Site, inbox: Inbox, *options: str) -> str:
    [row] = run("create", site.name, inbox.url, *options)
    inbox.secret = row["secret"]
    return str(row["endpoint"])


def send(site: Site, number: int = 1) -> None:
    waiting(site, number)
    deliver_and_mirror("default")
    webhooks.send_pending("default")


def test_endpoint_made_by_the_command_gets_signed_updates(site: Site, inbox: Inbox) -> None:
    endpoint = create(site, inbox, "--description", "the shop")
    send(site, 2)
    assert inbox.seqs == [1, 2]
    [row] = run("list", "Courier")
    assert (row["endpoint"], row["state"], row["waiting"]) == (endpoint, "ok", 0)
    assert row["health"].startswith("Everything was accepted")
    newest, _ = run("log", endpoint)
    assert (newest["seq"], newest["status"], newest["attempt"]) == (2, 204, 1)
    assert json.loads(newest["request"])["seq"] == 2


def test_secret_is_shown_once(site: Site, inbox: Inbox) -> None:
    endpoint = create(site, inbox)
    secret = str(inbox.secret)
    assert secret.startswith("whsec_")
    for arguments in (["list"], ["log", endpoint], ["test", endpoint]):
        assert secret not in table(*arguments)


def test_rotation_overlaps(site: Site, inbox: Inbox) -> None:
    endpoint = create(site, inbox)
    former = inbox.secret
    [row] = run("rotate", endpoint[:8], "--overlap-hours", "1")
    assert row["secret"] != former
    send(site)  # the receiver knows the former one only
    assert inbox.seqs == [1]
    [(headers, _)] = inbox.requests
    assert len(headers["webhook-signature"].split()) == 2


def test_rotation_without_overlap_ends_the_former_secret(site: Site, inbox: Inbox) -> None:
    endpoint = create(site, inbox)
    [row] = run("rotate", endpoint, "--overlap-hours", "0")
    inbox.secret = row["secret"]
    send(site)
    assert len(inbox.requests[0][0]["webhook-signature"].split()) == 1
    assert inbox.seqs == [1]


def test_test_shows_the_answer(site: Site, inbox: Inbox) -> None:
    endpoint = create(site, inbox)
    assert "taken" in table("test", endpoint)
    assert inbox.events[0].collection == "spool-live-example"
    inbox.answers = [503]
    with pytest.raises(SystemExit):
        table("test", endpoint)


def test_disabled_enabled_deleted(site: Site, inbox: Inbox) -> None:
    endpoint = create(site, inbox)
    run("disable", endpoint)
    assert run("list")[0]["state"] == "disabled"
    send(site)
    run("enable", endpoint)
    send(site)
    assert inbox.seqs == [2]
    run("resend", endpoint, "--since-seq", "1")
    webhooks.send_pending("default")
    assert inbox.seqs == [2, 1]
    run("delete", endpoint)
    assert not WebhookEndpoint.objects.exists()


def test_resend_what_failed_and_one_update(site: Site, inbox: Inbox) -> None:
    endpoint = create(site, inbox)
    inbox.answers = [500]
    send(site, 2)
    assert inbox.seqs == [2]
    assert run("resend", endpoint, "--failed-since-seq", "2")[0]["messages"] == 0
    assert run("resend", endpoint, "--failed-since", "2099-01-01T00:00:00Z")[0]["messages"] == 0
    assert run("resend", endpoint, "--failed")[0]["messages"] == 1
    webhooks.send_pending("default")
    assert inbox.seqs == [2, 1]
    run("resend", endpoint, "--update", str(inbox.events[0].id))
    webhooks.send_pending("default")
    assert inbox.repeated == 1, "the receiver knows it"
    assert not WebhookMessage.objects.exists()


def test_failing_endpoint_is_listed_with_its_reason(site: Site, inbox: Inbox) -> None:
    create(site, inbox)
    inbox.answers = [500]
    send(site)
    [row] = run("list")
    assert (row["state"], row["waiting"]) == ("delayed", 1)
    assert "HTTP 500" in row["health"]


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["create", "Courier", "https://10.0.0.1/"], "private network"),
        (["create", "Courier", "ftp://example.com/"], "https://"),
        (["create", "Courier", "https://user:word@example.com/"], "user"),
        (["create", "Courier", "https://8.8.8.8/", "--event-type", "deleted"], "not an event type"),
        (["create", "Nobody", "https://8.8.8.8/"], "no site"),
        (["test", "1234"], "no endpoint"),
    ],
)
def test_errors_name_the_remedy(site: Site, arguments: list[str], reason: str) -> None:
    with pytest.raises(CommandError, match=reason):
        table(*arguments)
