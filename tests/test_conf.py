from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.core.signals import setting_changed

from spool_live.conf import LiveSettings, live_settings
from spool_live.exceptions import SpoolLiveConfigurationError

Live = Callable[..., None]
DURATIONS = [f.name for f in fields(LiveSettings) if isinstance(f.default, timedelta)]
SECRETS = [
    "supabase_publishable_key",
    "supabase_secret_key",
    "jwt_signing_key",
    "metrics_token",
    "webhook_proxy",
    "realtime_metrics_token",
    "alert_webhook_secret",
    "alert_heartbeat_url",
]


def read(**given: Any) -> LiveSettings:
    return LiveSettings.from_mapping(given)


class TestKeys:
    def test_nothing_is_the_defaults(self) -> None:
        assert read() == LiveSettings()

    @pytest.mark.parametrize("name", [f.name for f in fields(LiveSettings)])
    def test_every_key_can_be_spelled_out(self, name: str) -> None:
        default = getattr(LiveSettings(), name)
        assert read(**{name.upper(): default}) == LiveSettings()

    @pytest.mark.parametrize(
        ("key", "nearest"),
        [
            ("SUPABASE_ULR", "'SUPABASE_URL'"),
            ("retention", "'RETENTION'"),
            ("TOKEN_LIFE_TIME", "'TOKEN_LIFETIME'"),
            ("BROADCASTERS", "'BROADCASTER'"),
        ],
    )
    def test_unknown_key_is_refused_with_the_nearest_known_one(
        self, key: str, nearest: str
    ) -> None:
        with pytest.raises(SpoolLiveConfigurationError) as refusal:
            read(**{key: ""})
        assert repr(key) in str(refusal.value)
        assert f"Did you mean {nearest}?" in str(refusal.value)

    def test_unknown_key_that_resembles_none(self) -> None:
        with pytest.raises(SpoolLiveConfigurationError) as refusal:
            read(ZEBRA=1)
        assert "Did you mean" not in str(refusal.value)

    def test_key_that_is_no_text(self) -> None:
        with pytest.raises(SpoolLiveConfigurationError, match="no key 7"):
            LiveSettings.from_mapping({7: 1})  # type: ignore[dict-item]


class TestTypes:
    @pytest.mark.parametrize(
        ("key", "value", "expected"),
        [
            ("SUPABASE_URL", 7, "str, not int"),
            ("SUPABASE_URL", None, "str, not NoneType"),
            ("SUPABASE_SECRET_KEY", b"x", "str, not bytes"),
            ("DELIVERY_BATCH_SIZE", "500", "int, not str"),
            ("DELIVERY_BATCH_SIZE", True, "int, not bool"),
            ("NUDGE", 1, "bool, not int"),
            ("NUDGE", "no", "bool, not str"),
            ("RETENTION", "1h", "a timedelta or a number of seconds"),
            ("RETENTION", True, "a timedelta or a number of seconds"),
            ("RETENTION", None, "a timedelta or a number of seconds"),
        ],
    )
    def test_wrong_one_is_refused_by_name(self, key: str, value: Any, expected: str) -> None:
        with pytest.raises(SpoolLiveConfigurationError) as refusal:
            read(**{key: value})
        assert f"SPOOL_LIVE['{key}'] must be {expected}" in str(refusal.value)
        assert isinstance(refusal.value, ImproperlyConfigured)

    @pytest.mark.parametrize("value", [90, 90.0, timedelta(seconds=90)])
    @pytest.mark.parametrize("name", DURATIONS)
    def test_number_is_a_duration_in_seconds(self, name: str, value: Any) -> None:
        assert getattr(read(**{name.upper(): value}), name) == timedelta(seconds=90)

    def test_path_is_a_text(self) -> None:
        assert read(JWT_SIGNING_KEY=Path("/etc/key")).jwt_signing_key == "/etc/key"

    def test_refusal_does_not_tell_the_value(self) -> None:
        with pytest.raises(SpoolLiveConfigurationError) as refusal:
            read(SUPABASE_SECRET_KEY=b"hush")
        assert "hush" not in str(refusal.value)


class TestSecrets:
    @pytest.mark.parametrize("name", SECRETS)
    def test_are_not_in_the_repr(self, name: str) -> None:
        made = read(**{name.upper(): "hush-hush"})
        assert getattr(made, name) == "hush-hush"
        assert "hush-hush" not in repr(made)
        assert "hush-hush" not in f"{made}"

    def test_are_all_that_is_not_in_the_repr(self) -> None:
        assert [f.name for f in fields(LiveSettings) if not f.repr] == SECRETS


def test_is_frozen() -> None:
    with pytest.raises(AttributeError):
        LiveSettings().supabase_url = "x"  # type: ignore[misc]


@pytest.mark.parametrize(("alias", "separate"), [("default", False), ("supabase", True)])
def test_has_separate_databases(alias: str, separate: bool) -> None:
    assert read(SUPABASE_DATABASE=alias).has_separate_databases is separate


class TestLiveSettings:
    def test_are_read_once(self) -> None:
        assert live_settings() is live_settings()

    def test_are_read_again_after_the_setting_changed(self, live: Live) -> None:
        before = live_settings()
        live(RETENTION=5)
        assert live_settings().retention == timedelta(seconds=5)
        assert live_settings() is not before

    def test_are_kept_when_another_setting_changes(self, settings: Any) -> None:
        before = live_settings()
        settings.DEBUG = True
        assert live_settings() is before

    def test_may_be_absent(self, settings: Any) -> None:
        del settings.SPOOL_LIVE
        setting_changed.send(sender=None, setting="SPOOL_LIVE", value=None, enter=True)
        assert live_settings() == LiveSettings()

    @pytest.mark.parametrize("value", [["a"], "x", None])
    def test_must_be_a_dict(self, value: Any, settings: Any) -> None:
        settings.SPOOL_LIVE = value
        with pytest.raises(SpoolLiveConfigurationError, match="must be a dict"):
            live_settings()

    def test_fault_is_raised_each_time(self, settings: Any) -> None:
        settings.SPOOL_LIVE = {"NOPE": 1}
        for _ in range(2):
            with pytest.raises(SpoolLiveConfigurationError):
                live_settings()
