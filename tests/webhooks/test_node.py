"""The reference library of npm verifies what is sent, and our receiver what it signs."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from spool_live import webhooks
from spool_live.client import WebhookReceiver
from spool_live.delivery import deliver_and_mirror
from spool_live.models import Site, WebhookEndpoint, WebhookSecret
from spool_live.webhooks import secrets
from tests.end_to_end.javascript.follower import PACKAGE, build
from tests.outbox.conftest import waiting
from tests.webhooks.receiving import Inbox

pytestmark = [pytest.mark.node, pytest.mark.django_db(databases="__all__")]
SCRIPT = Path(__file__).with_name("standard.mjs")


@pytest.fixture(scope="module")
def package() -> None:
    build()


def ask_node(given: dict[str, Any]) -> dict[str, Any]:
    node = shutil.which("node")
    assert node
    run = subprocess.run(
        [node, str(SCRIPT), str(PACKAGE / "package.json")],
        input=json.dumps(given),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    answer: dict[str, Any] = json.loads(run.stdout)
    return answer


@pytest.mark.usefixtures("package")
def test_both_ways(site: Site, endpoint: WebhookEndpoint, inbox: Inbox) -> None:
    secrets.add_secret(endpoint, WebhookSecret.Scheme.ED25519, using="default")
    waiting(site, slug="größe", metadata={"title": "Grüße 🎈"})
    deliver_and_mirror("default")
    webhooks.send_pending("default")
    [(headers, body)] = inbox.requests
    secret = str(inbox.secret)
    answer = ask_node({"secret": secret, "headers": headers, "body": body.decode()})
    assert answer["payload"] == json.loads(body)
    event = WebhookReceiver(secret).receive(answer["body"].encode(), answer["headers"])
    assert event is not None
    assert event.metadata["title"] == "Grüße 🎈"
