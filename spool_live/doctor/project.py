"""Phase *backend*, before anything runs: the settings, and the registered models."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from django.core.checks import ERROR, CheckMessage
from django.db import router

from spool_live import checks
from spool_live.checks.throttle import check_throttle_cache
from spool_live.collections import registry
from spool_live.conf import live_settings
from spool_live.doctor.findings import DoctorFinding, RolloutPhase, error, warning
from spool_live.doctor.registry import check
from spool_live.doctor.surroundings import Surroundings
from spool_live.documentation import page

BACKEND = RolloutPhase.BACKEND
OF_ROLLOUT = frozenset({"spool_live.W007", "spool_live.W008"})
"""System checks of the throttle's cache, which matter once there are several processes."""


@check("settings", "The settings are right", BACKEND, reads_settings=False)
def check_settings(surroundings: Surroundings) -> Iterator[DoctorFinding]:
    """Run the system checks of the settings."""
    for finding in _of_messages(checks.check_settings(None)):
        if finding.code not in OF_ROLLOUT:
            yield finding


@check("delivery_keys", "Supabase's address and keys, and a signing key, are set", BACKEND)
def check_presence(surroundings: Surroundings) -> Iterator[DoctorFinding]:
    """Check the settings that may be empty during development, but that delivery needs."""
    settings = live_settings()
    names = ("SUPABASE_URL", "SUPABASE_PUBLISHABLE_KEY", "SUPABASE_SECRET_KEY", "JWT_SIGNING_KEY")
    missing = [name for name in names if not getattr(settings, name.lower())]
    if missing:
        yield error(
            f"Not set in SPOOL_LIVE: {', '.join(missing)}. Edits are recorded, and wait.",
            "Read them from the environment; they are on the project's pages API Keys and JWT "
            "Keys, or printed by manage.py local_supabase.",
        )


@check("registrations", "Models are registered, and their edits can be recorded", BACKEND)
def check_registrations(surroundings: Surroundings) -> Iterator[DoctorFinding]:
    """Check that there are valid collections, whose rows are in a database with an outbox."""
    if not list(registry):
        yield error(
            "No model is registered: no edit is recorded.",
            "Write a live.py beside the models of an app in INSTALLED_APPS, with @register(Model) "
            f"on a LiveCollection, see {page('tutorial/first-site')}",
        )
    for messages in (
        checks.check_collections(None),
        checks.check_cache_tags(None),
        checks.check_silent_changes(None),
    ):
        yield from _of_messages(messages)
    content = surroundings.content_aliases()
    yield from _of_messages(checks.check_triggers(None, databases=content))
    yield from _of_messages(checks.check_site(None, databases=content))
    for collection in registry:
        alias = router.db_for_write(collection.model)
        if alias not in content:
            yield error(
                f"{collection!r} is written to the database {alias!r}, which has no outbox: its "
                "edits cannot be recorded.",
                f"Run manage.py migrate --database {alias}, and let DATABASE_ROUTERS allow "
                "spool_live there.",
            )


@check("cache", "All processes share one cache, and it answers", RolloutPhase.ROLLOUT)
def check_cache(surroundings: Surroundings) -> Iterator[DoctorFinding]:
    """Check that the throttle's cache is shared, and answers."""
    found = [*checks.check_settings(None), *check_throttle_cache(None)]
    yield from (one for one in _of_messages(found) if one.code in OF_ROLLOUT)


def _of_messages(messages: Iterable[CheckMessage]) -> Iterator[DoctorFinding]:
    """Yield the messages of system checks as findings, without those that the project silences."""
    for message in messages:
        if not message.is_silenced():
            make = error if message.level >= ERROR else warning
            yield make(str(message.msg), str(message.hint), code=str(message.id))
