"""Probes: async functions that return whether a service is ready."""

from __future__ import annotations

import asyncio
from pathlib import Path

import httpx

from .service import Probe

_PATIENCE = 2.0


def file_exists(path: Path) -> Probe:
    """Probe for a file that the service writes once it is ready. Removes one of an earlier run."""
    path.unlink(missing_ok=True)

    async def probe() -> bool:
        return path.exists()  # noqa: ASYNC240 - a stat of a local file

    return probe


def answers_http(url: str) -> Probe:
    """Probe whether ``url`` answers with a status below 400."""

    async def probe() -> bool:
        async with httpx.AsyncClient(trust_env=False, timeout=_PATIENCE) as client:
            try:
                return (await client.get(url)).status_code < httpx.codes.BAD_REQUEST
            except httpx.HTTPError:
                return False

    return probe


def accepts_connections(port: int) -> Probe:
    """Probe whether a program on this machine listens on ``port``."""

    async def probe() -> bool:
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", port)
        except OSError:
            return False
        writer.close()
        return True

    return probe
