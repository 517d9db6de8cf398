"""No key and no token in what is logged, printed as repr, shown on an error page or mailed."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client, RequestFactory
from django.urls import reverse
from django.views.debug import ExceptionReporter

from spool_live import keys, throttling
from spool_live.keys import PlainKey
from spool_live.models import SiteApiKey

pytestmark = pytest.mark.django_db
MakeKey = Callable[..., tuple[SiteApiKey, PlainKey]]


@pytest.fixture
def everything(caplog: pytest.LogCaptureFixture) -> Iterator[pytest.LogCaptureFixture]:
    """All that is logged, down to debug."""
    with caplog.at_level(logging.DEBUG):
        yield caplog


def logged(caplog: pytest.LogCaptureFixture) -> str:
    return caplog.text + " ".join(f"{r.getMessage()} {r.args} {vars(r)}" for r in caplog.records)


def test_life_of_a_key_and_its_tokens_is_not_logged(
    make_key: MakeKey, live: Any, everything: pytest.LogCaptureFixture
) -> None:
    live(FAILURE_ALERT=1, FAILURE_ALLOWANCE=1)
    client = Client()
    key, plain = make_key()
    answer = client.post("/spool-live/token/", headers={"Authorization": f"Api-Key {plain}"})
    token = answer.json()["token"]
    client.get("/spool-live/updates/", headers={"Authorization": f"Bearer {token}"})
    _, fresh = keys.rotate_key(key, overlap=timedelta(0))
    for wrong in (plain, fresh[:-1] + "!", token):
        for scheme in ("Api-Key", "Bearer"):
            client.get("/spool-live/site/", headers={"Authorization": f"{scheme} {wrong}"})
    throttling.failure_log.write_now()
    text = logged(everything)
    assert "failed authentications within the hour" in text, "the test hears what is logged"
    for secret in (plain[20:], fresh[20:], token, token.rpartition(".")[2], key.key_hash):
        assert secret not in text


@pytest.mark.parametrize("debug", [False, True], ids=["mail to the admins", "debug page"])
@pytest.mark.parametrize(
    "where", ["spool_live.keys.identification.hash_key", "spool_live.tokens.mint"]
)
def test_error_reports_hold_no_key(
    make_key: MakeKey, settings: Any, monkeypatch: pytest.MonkeyPatch, debug: bool, where: str
) -> None:
    settings.DEBUG = debug
    _, plain = make_key()

    def fail(*args: Any, **kwargs: Any) -> None:
        raise RuntimeError("an accident")

    monkeypatch.setattr(where, fail)
    from spool_live.api.views import TokenView

    headers = {"Authorization": f"Api-Key {plain}"}
    request = RequestFactory().post("/spool-live/token/", headers=headers)
    with pytest.raises(RuntimeError) as caught:
        TokenView.as_view()(request)
    ours = caught.tb.tb_next  # without the frame of this test, which knows the secrets
    reporter = ExceptionReporter(request, caught.type, caught.value, ours)
    page = reporter.get_traceback_html() + reporter.get_traceback_text()
    assert "an accident" in page
    for secret in (plain[20:], settings.SPOOL_LIVE["JWT_SIGNING_KEY"]):
        assert secret not in page


def test_page_that_shows_a_key_fails_without_showing_it(
    admin_client: Client, make_key: MakeKey, monkeypatch: pytest.MonkeyPatch, mailoutbox: Any
) -> None:
    key, _ = make_key()
    made: list[PlainKey] = []
    real = keys.give_secret

    def spy(new: SiteApiKey) -> PlainKey:
        made.append(real(new))
        return made[0]

    monkeypatch.setattr(keys, "give_secret", spy)
    from django.template.base import Template

    def fail(self: Any, context: Any) -> str:
        raise RuntimeError("an accident")

    answer = admin_client.post(
        reverse("admin:spool_live_siteapikey_add"), {"name": "web", "site": key.site_id}
    )
    monkeypatch.setattr(Template, "render", fail)
    with pytest.raises(RuntimeError) as caught:
        admin_client.get(answer["Location"])
    monkeypatch.undo()
    page = ExceptionReporter(None, caught.type, caught.value, caught.tb).get_traceback_html()
    assert made
    assert "an accident" in page
    assert made[0][20:] not in page
