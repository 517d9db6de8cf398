"""Sites for tests."""

from __future__ import annotations

from dataclasses import dataclass, field

from spool_live import keys
from spool_live.models import Site


@dataclass(frozen=True, slots=True)
class LiveSite:
    """A site, and a key with which a subscriber asks for its tokens."""

    site: Site
    key: str = field(repr=False)

    @property
    def headers(self) -> dict[str, str]:
        """For Django's test client: ``client.post(url, headers=live.headers)``."""
        return {"Authorization": f"Api-Key {self.key}"}


def live_site(name: str = "Test site", *, using: str | None = None) -> LiveSite:
    """Makes a site with one API key."""
    site = Site.objects.using(using).create(name=name)
    _, plain = keys.create_key(site, name="tests")
    return LiveSite(site, str(plain))
