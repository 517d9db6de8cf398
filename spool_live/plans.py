"""What Supabase's plans allow of Realtime, as plain values (Supabase's guide "Realtime Limits")."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class SupabasePlan:
    """What a Supabase plan allows."""

    connections: int
    messages_per_second: int
    joins_per_second: int


PLANS = {
    "free": SupabasePlan(200, 100, 100),
    "pro": SupabasePlan(500, 500, 500),
    "pro-uncapped": SupabasePlan(10_000, 2_500, 2_500),
    "team": SupabasePlan(10_000, 2_500, 2_500),
}
