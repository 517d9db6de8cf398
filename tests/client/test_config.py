"""The options of a subscriber, and the errors for wrong ones."""

from __future__ import annotations

from typing import Any

import pytest

from spool_live.client import ConfigurationError, LiveUpdatesConfig

SITE = "0a0a0a0a-0000-4000-8000-000000000001"
GOOD: dict[str, Any] = {
    "site_id": SITE.upper(),
    "api_key": "secret",
    "api_url": "https://cms.example.org/spool-live",
}
ENVIRON = {
    "SPOOL_SITE_ID": "1b1b1b1b-0000-4000-8000-000000000001",
    "SPOOL_API_KEY": "from-env",
    "SPOOL_API_URL": "http://127.0.0.1:8000/spool-live/",
}


def test_site_id_and_address_are_normalised() -> None:
    config = LiveUpdatesConfig(**GOOD)
    assert config.site_id == SITE
    assert config.api_url == "https://cms.example.org/spool-live/"


def test_repr_has_no_key() -> None:
    assert "secret" not in repr(LiveUpdatesConfig(**GOOD))


@pytest.mark.parametrize(
    ("option", "value", "message"),
    [
        ("api_key", "", "SPOOL_API_KEY"),
        ("site_id", "", "SPOOL_SITE_ID"),
        ("site_id", "Parallax", "not a UUID"),
        ("api_url", "", "SPOOL_API_URL"),
        ("api_url", "cms.example.org", "SPOOL_API_URL"),
        ("queue_size", 0, "queue_size"),
        ("overflow", "explode", "overflow"),
    ],
)
def test_bad_option_is_named_with_its_remedy(option: str, value: Any, message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        LiveUpdatesConfig(**GOOD | {option: value})


def test_environment_is_read_and_options_win() -> None:
    config = LiveUpdatesConfig.from_env(ENVIRON, site_id=SITE, api_key=None)
    assert (config.site_id, config.api_key) == (SITE, "from-env")


@pytest.mark.parametrize(("value", "limit"), [(None, None), (3, 3), ("development", 5)])
def test_attempt_limit(value: Any, limit: int | None) -> None:
    assert LiveUpdatesConfig(**GOOD, max_reconnect_attempts=value).attempt_limit == limit
