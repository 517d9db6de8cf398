"""What to do about an outbox entry, in words, shown on its page beside its error."""

from __future__ import annotations

import re
from datetime import datetime

from django.utils.translation import gettext_lazy as _

from spool_live.models import OutboxEntry, SiteDelivery
from spool_live.status.states import age, clock

State = OutboxEntry.State

_DEAD_BECAUSE = (
    (
        r"there is no site",
        _("No site has this id. Do as the reason says, or discard it if the site is never made."),
    ),
    (
        r"the row cannot be read",
        _("It was written by SQL, with values that cannot be sent: discard it, and save the item."),
    ),
    (
        r"(22P05|22021)\b",
        _(
            "Its text has a character that PostgreSQL cannot store. Remove it from the item and "
            "save that, which records a new update; then discard this one."
        ),
    ),
    (
        r"(54000|413)\b",
        _(
            "It is too large. Return less from get_metadata() of its collection, save the item, "
            "and discard this one; or raise the limit and requeue it."
        ),
    ),
    (
        r"(22...|23502|23514|PGRST102)\b",
        _(
            "Supabase does not accept one of its values. Correct what the collection returns, "
            "save the item, and discard this one; or correct the constraint and requeue it."
        ),
    ),
)
_DEAD_OTHERWISE = _("See the reason below. Correct the cause and requeue it, or discard it.")
_MEANWHILE = _("Subscribers get it by catch-up meanwhile.")
_DONE = {
    State.DROPPED: _("Nothing: its site was deleted."),
    State.MERGED: _("Nothing: it was merged into an earlier, unsent update of the same item."),
    State.LEFT: _("Nothing: a newer state of the item was sent, and catch-up serves this one."),
    State.DISCARDED: _("Nothing: it was discarded by a person. The audit trail says who."),
}


def advice(entry: OutboxEntry, delivery: SiteDelivery | None, now: datetime) -> str:
    """Return a sentence or two on what to do about ``entry``.

    ``delivery`` is the state of its site's delivery, ``None`` where the site has none yet.
    """
    state = State(entry.state)
    if state is State.DEAD:
        return f"{_about(entry.last_error)} {_MEANWHILE}" if entry.seq else _about(entry.last_error)
    if state is State.DELIVERED:
        took = age(entry.settled_at - entry.timestamp) if entry.settled_at else ""
        return str(_("Nothing: it was delivered %s after it was recorded.")) % took
    if state is State.PENDING:
        return _while_pending(delivery, now)
    return str(_DONE[state])


def _about(error: str) -> str:
    for pattern, text in _DEAD_BECAUSE:
        if re.match(pattern, error):
            return str(text)
    return str(_DEAD_OTHERWISE)


def _while_pending(delivery: SiteDelivery | None, now: datetime) -> str:
    if delivery is not None and delivery.retry_at and delivery.retry_at > now:
        text = _("Nothing: its site is tried again by itself at %(at)s. It waits because: %(why)s")
        at = clock(delivery.retry_at, now)
        return str(text) % {"at": at, "why": delivery.last_error or _("another one was refused")}
    if delivery is not None and delivery.mirror_error:
        text = _("It waits until Supabase knows its site: run manage.py live_setup. The error: %s")
        return str(text) % delivery.mirror_error
    return str(_("Nothing: it goes with the next delivery. If it stays, see the page of its site."))
