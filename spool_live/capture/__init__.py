"""Capture of changes: saves, deletions and relations of registered items become updates."""

from __future__ import annotations

from spool_live.capture.connection import connect_all, disconnect_all

__all__ = ["connect_all", "disconnect_all"]
