"""What the checks share: the run's options, the status, a usable key, databases that answer."""

from __future__ import annotations

import socket
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import PurePath
from typing import Any

from django.db import DatabaseError, connections
from django.db.models import Q
from django.utils import timezone

from spool_live.conf import live_settings
from spool_live.doctor.findings import Act, DoctorFinding, RolloutPhase, error, warning
from spool_live.exceptions import SpoolLiveError
from spool_live.models import SiteApiKey, SiteDelivery
from spool_live.status import Kind, State, Status, determine, probe
from spool_live.supabase.databases import content_databases, is_supabase_database

PATIENCE = 5.0
"""Seconds that a server may take to accept a connection."""
ACTS = {Kind.DEAD: Act.REQUEUE, Kind.MIRROR: Act.MIRROR}
DEFAULT_PORTS = {"postgresql": 5432, "mysql": 3306}


class NotChecked(SpoolLiveError):  # noqa: N818 - an outcome, not an error
    """A check cannot be carried out; the message says why, and where to look."""


class NotNeeded(SpoolLiveError):  # noqa: N818 - an outcome, not an error
    """A check has nothing to look at in this installation; the message says why."""


@dataclass(frozen=True, slots=True)
class UsableKey:
    """A valid API key that a front end could use, of a site that Supabase knows."""

    key: SiteApiKey
    epoch: int
    using: str

    @property
    def topic(self) -> str:
        """The private topic of its site."""
        return f"site:{self.key.site_id}:{self.epoch}"


@dataclass
class Surroundings:
    """The options of a run, and what several checks need to know, determined once.

    ``api_url`` is where ``spool_live.urls`` answers from outside, if known; ``timeout`` is in
    seconds, for each request; ``phase`` is the only one that is checked, or ``None`` for all.
    """

    api_url: str = ""
    timeout: float = 10.0
    phase: RolloutPhase | None = None

    @cached_property
    def aliases(self) -> list[str]:
        """The aliases that we use: the content databases, and the Supabase database."""
        content = ["default"] if self.unanswered("default") else content_databases()
        supabase = live_settings().supabase_database
        return list(dict.fromkeys([*content, *([supabase] if supabase in connections else [])]))

    @cached_property
    def _answers(self) -> dict[str, str]:
        return {}

    def unanswered(self, alias: str) -> str:
        """Return why the database ``alias`` does not answer, or ""; each is asked once in a run."""
        if alias not in self._answers:
            self._answers[alias] = _try(alias)
        return self._answers[alias]

    def supabase_alias(self) -> str:
        """Return the alias of the Supabase database.

        Raises ``NotChecked`` if it is not in ``DATABASES``, not PostgreSQL, or does not answer.
        """
        alias = live_settings().supabase_database
        if alias not in connections:
            raise NotChecked(f"There is no database {alias!r}: see the check of the settings.")
        if not is_supabase_database(alias):
            raise NotChecked(f"The database {alias!r} is not PostgreSQL.")
        self.need(alias)
        return alias

    def content_aliases(self) -> list[str]:
        """Return the content databases. Raises ``NotChecked`` where one does not answer."""
        self.need("default")
        return content_databases()

    def need(self, alias: str) -> None:
        """Raise ``NotChecked`` where the database does not answer."""
        if self.unanswered(alias):
            raise NotChecked(f"The database {alias!r} does not answer.")

    @cached_property
    def status(self) -> Status:
        """The status, determined after broker and cache were probed."""
        self.content_aliases()
        probe()
        return determine()

    def problems(self, *kinds: Kind) -> Iterator[DoctorFinding]:
        """Yield the problems of these kinds, as findings."""
        for problem in self.status.problems:
            if problem.kind in kinds:
                is_late = problem.state is State.DELAYED
                make = warning if is_late else error
                act = ACTS.get(problem.kind)
                yield make(problem.reason, problem.remedy, code=problem.kind.value, act=act)

    @cached_property
    def subscriber(self) -> UsableKey | None:
        """An active key of any site that Supabase knows, or ``None``."""
        now = timezone.now()
        active = Q(revoked_at=None) & (Q(expires_at=None) | Q(expires_at__gt=now))
        for using in self.content_aliases():
            keys = SiteApiKey.objects.using(using).filter(active, site__is_probe=False)
            for key in keys.select_related("site").order_by("-created_at")[:100]:
                delivery = SiteDelivery.objects.using(using).filter(pk=key.site_id).first()
                if delivery and delivery.acknowledged_version >= key.mirror_version:
                    return UsableKey(key, delivery.acknowledged_epoch, using)
        return None


def unknown_key() -> SiteApiKey:
    """Return an unsaved key of a site that does not exist: its tokens may read nothing."""
    return SiteApiKey(id=uuid.uuid4(), site_id=uuid.uuid4())


def _try(alias: str) -> str:
    """Return why ``alias`` does not answer, or "".

    Opens a socket first: the driver waits for minutes where a firewall drops packets.
    """
    connection = connections[alias]
    if connection.connection is None and (problem := _unreachable(connection.settings_dict, alias)):
        return problem
    try:
        connection.ensure_connection()
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except (DatabaseError, OSError) as error:
        return str(error).strip().partition("\n")[0] or type(error).__name__
    return ""


def _unreachable(database: dict[str, Any], alias: str) -> str:
    host = str(database.get("HOST") or "")
    default = DEFAULT_PORTS.get(connections[alias].vendor)
    if default is None or not host or PurePath(host).is_absolute():
        return ""
    port = int(database.get("PORT") or default)
    try:
        socket.create_connection((host, port), PATIENCE).close()
    except socket.gaierror as error:
        return f"the name {host} cannot be resolved ({error.strerror})"
    except TimeoutError:
        return f"no connection to {host}:{port} within {PATIENCE:g} s"
    except OSError as error:
        return f"no connection to {host}:{port} ({error.strerror or type(error).__name__})"
    return ""
