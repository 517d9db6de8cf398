"""Delivers updates and mirrors changed sites in turns, so that neither has to wait for all of the
other."""

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
    """Mirror changed sites of ``using`` and deliver its updates, one call of each in turn, until
    nothing more may be sent now.

    Sites where a key lost its right are mirrored first. Raises nothing for what Supabase answers:
    the report says how many updates wait, and why.
    """
    run = Mirroring(using, broadcaster)
    report = deliver_pending(using, broadcaster=broadcaster, pause=pause, meanwhile=run.try_step)
    if run.error and not isinstance(run.error, CircuitOpen):
        report.reasons.add(str(run.error))
    return report
