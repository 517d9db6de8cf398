"""Reports what is switched off on purpose, so that silence is not mistaken for health."""

from __future__ import annotations

from spool_live.conf import live_settings


def capture_notices() -> list[str]:
    """Return a sentence for each part that a setting switches off."""
    settings = live_settings()
    return [] if settings.nudge else ["Muted: nudges are off (NUDGE), so the sweep finds updates."]
