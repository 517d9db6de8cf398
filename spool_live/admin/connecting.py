"""What a site's team needs to connect: lines for ``.env``, and commands to try them out."""

from __future__ import annotations

from dataclasses import dataclass, field

from django.http import HttpRequest
from django.urls import NoReverseMatch, reverse
from django.views.decorators.debug import sensitive_variables

from spool_live.models import SiteApiKey

EXAMPLE_API_URL = "https://cms.example.org/spool-live/"
"""The API's URL in ``.env`` where this process does not know the real one."""

PYTHON = """\
pip install 'spool-live[client]'
set -a; . ./.env; set +a
spool-live check
spool-live tail"""

JAVASCRIPT = """\
npm install spool-live
node --env-file=.env --input-type=module -e '
  import { LiveUpdatesClient } from "spool-live";
  const client = new LiveUpdatesClient();
  client.onUpdate((update) => console.log(update.event_type, update.collection, update.slug));
  await client.connect();
'"""


@dataclass(frozen=True, slots=True)
class Connection:
    """Texts to copy. ``env`` holds the key; ``api_url`` is empty where this process does not serve
    ``spool_live.urls``."""

    env: str = field(repr=False)
    api_url: str
    python: str = PYTHON
    javascript: str = JAVASCRIPT


@sensitive_variables("plain")
def connection_of(request: HttpRequest, key: SiteApiKey, plain: str) -> Connection:
    """Return what the team of the key's site needs; ``plain`` is the text of ``key``."""
    try:
        path = reverse("spool_live:token").removesuffix("token/")
    except NoReverseMatch:
        path = ""
    api_url = request.build_absolute_uri(path) if path else ""
    env = (
        f"SPOOL_API_URL={api_url or EXAMPLE_API_URL}\n"
        f"SPOOL_SITE_ID={key.site_id}\nSPOOL_API_KEY={plain}"
    )
    return Connection(env, api_url)
