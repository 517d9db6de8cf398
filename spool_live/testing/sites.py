"""Sites for tests."""

from __future__ import annotations

from dataclasses import dataclass, field

from spool_live import keys
from spool_live.models import Site


@dataclass(frozen=True, slots=True)
class LiveSite:
    """A site, and an API key with which a subscriber requests tokens."""

    site: Site
    """The site, which is in the database."""
    key: str = field(repr=False)
    """The text of its API key."""

    @property
    def headers(self) -> dict[str, str]:
        """The headers of a subscriber, for Django's test client:
        ``client.post(url, headers=live.headers)``."""
        return {"Authorization": f"Api-Key {self.key}"}


def live_site(name: str = "Test site", *, using: str | None = None) -> LiveSite:
    """Create a site named ``name`` with one API key, on the alias ``using``."""
    site = Site.objects.using(using).create(name=name)
    _, plain = keys.create_key(site, name="tests")
    return LiveSite(site, str(plain))
