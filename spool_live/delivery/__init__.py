"""Delivery: ``mirror`` makes sites and keys known to Supabase, ``deliver`` sends their updates,
``cleanup`` removes what has expired."""

from __future__ import annotations

from spool_live.delivery.deliver import DeliveryReport, deliver_pending
from spool_live.delivery.turns import deliver_and_mirror

__all__ = ["DeliveryReport", "deliver_and_mirror", "deliver_pending"]
