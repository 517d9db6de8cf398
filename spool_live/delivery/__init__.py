"""Delivery: ``mirror`` makes sites and keys known to Supabase, ``deliver`` sends their updates,
``cleanup`` removes what has expired."""

from __future__ import annotations

from spool_live.delivery.deliver import DeliveryReport, deliver_pending

__all__ = ["DeliveryReport", "deliver_pending"]
