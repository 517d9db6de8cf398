"""What is switched off on purpose: shown, so that nobody takes silence for health."""

from __future__ import annotations

from spool_live.conf import live_settings


def capture_notices() -> list[str]:
    """Return a sentence for each part that a setting keeps from working."""
    settings = live_settings()
    return [] if settings.nudge else ["Muted: nudges are off (NUDGE), so the sweep finds updates."]
