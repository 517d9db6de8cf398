"""Updates in turns with the sites and keys that have changed: neither waits for all the other."""

from __future__ import annotations

import time
from collections.abc import Callable

from spool_live.broadcasters import Broadcaster
from spool_live.delivery.deliver import DeliveryReport, deliver_pending
from spool_live.delivery.mirror import Mirroring
from spool_live.exceptions import CircuitOpen


def deliver_and_mirror(
    using: str,
    *,
    broadcaster: Broadcaster | None = None,
    pause: Callable[[float], None] = time.sleep,
) -> DeliveryReport:
    """Bring sites and keys up to date at Supabase and deliver what waits on ``using``, a call of
    each in turn, until nothing may go now. A lost right goes first. Raises nothing for what
    Supabase answers: the report says what waits, and why."""
    run = Mirroring(using, broadcaster)
    report = deliver_pending(using, broadcaster=broadcaster, pause=pause, meanwhile=run.try_step)
    if run.error and not isinstance(run.error, CircuitOpen):
        report.reasons.add(str(run.error))
    return report
