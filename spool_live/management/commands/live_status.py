"""``manage.py live_status``: whether updates flow, what stops them, and what to do about it."""

from __future__ import annotations

import contextlib
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from django.db import close_old_connections

from spool_live import counts, status
from spool_live.management.output import ReportCommand, seconds, table, wrapped
from spool_live.status import SiteStatus, State, Status
from spool_live.status.states import age
from spool_live.supabase.databases import content_databases

CLEAR = "\x1b[H\x1b[2J"
NAME_WIDTH = 28
VERIFICATIONS = ("verify_rls", "verify_live")


class Command(ReportCommand):
    """Shows the state, its problems with remedies, and each site. Exit code 0 only for ``ok``."""

    help = "Show whether updates flow, what stops them, and what to do about it."

    def add_arguments(self, parser: Any) -> None:
        super().add_arguments(parser)
        parser.add_argument("--watch", action="store_true", help="Repeat until interrupted.")
        parser.add_argument(
            "--interval", type=seconds, default=2.0, help="Seconds between passes (with --watch)."
        )

    def handle(self, *args: Any, **options: Any) -> None:
        state = self._show(options)
        with contextlib.suppress(KeyboardInterrupt):
            while options["watch"]:
                time.sleep(options["interval"])
                close_old_connections()
                state = self._show(options)
        if state is not State.OK:
            raise SystemExit(1)

    def _show(self, options: Any) -> State:
        status.probe()
        found = status.determine()
        unanswered = {p.using for p in found.problems if p.kind is status.Kind.DATABASE}
        answering = [using for using in content_databases() if using not in unanswered]
        sites = [site for using in answering for site in status.of_sites(using, found)]
        unforeseen = sum((Counter(counts.unforeseen(using)) for using in answering), Counter())
        if options["format"] == "json":
            document = {**_document(found, sites), "unforeseen_errors": dict(unforeseen)}
            self.report(document, [], options)
        else:
            several = len(content_databases()) > 1
            text = _text(found, sites, unforeseen, with_database=several)
            self.stdout.write(f"{CLEAR}{text}" if options["watch"] and _is_terminal(self) else text)
        return found.state


def _is_terminal(command: ReportCommand) -> bool:
    return bool(command.stdout.isatty())


def _text(
    found: Status, sites: list[SiteStatus], unforeseen: Mapping[str, int], *, with_database: bool
) -> str:
    now = found.at
    parts = [_headline(found)]
    for problem in found.problems:
        reason = f"{problem.state}: {problem.reason} {problem.remedy}"
        parts.append(wrapped(f"{problem.using}: {reason}" if with_database else reason))
    parts += [wrapped(notice) for notice in found.notices]
    if unforeseen:
        parts.append(wrapped(f"Unexpected errors since counting began: {_by_step(unforeseen)}."))
    if known := [*_verifications(found), *_connections(found)]:
        parts.append("\n".join(map(wrapped, known)))
    rows = [_row(site, now, with_database=with_database) for site in sites]
    parts.append(
        table(rows) if rows else "There are no sites yet: run manage.py live_site create NAME."
    )
    return "\n\n".join(parts)


def _by_step(unforeseen: Mapping[str, int]) -> str:
    by_step = ", ".join(f"{step} {number}" for step, number in sorted(unforeseen.items()))
    return f"{by_step}; their tracebacks are in the worker's log"


def _headline(found: Status) -> str:
    if found.since is None:
        return "ok: updates flow."
    return f"{found.state} for {age(found.at - found.since)}."


def _verifications(found: Status) -> Iterator[str]:
    """Yield the results of the last verifications of isolation, or why they are not run."""
    for part in found.parts:
        if part.part not in VERIFICATIONS:
            continue
        if reason := part.detail.get("not_run"):
            yield f"{part.part} is not run here: {reason}"
        elif summary := part.detail.get("summary"):
            yield f"{part.part}, {age(found.at - part.at)} ago: {summary}"


def _connections(found: Status) -> Iterator[str]:
    """Yield how many clients are connected, where that is known."""
    for part in found.parts:
        number = status.connections_of(part, found.at)
        if number is not None:
            yield f"Clients connected to Realtime: {number:,}."


def _row(site: SiteStatus, now: datetime, *, with_database: bool) -> dict[str, Any]:
    name = "(deleted)" if site.name is None else site.name
    identity = {"database": site.using} if with_database else {"site id": str(site.site_id)}
    return {
        "site": name if len(name) <= NAME_WIDTH else f"{name[: NAME_WIDTH - 1]}…",
        **identity,
        "state": site.state.value,
        "waiting": site.pending or "",
        "oldest": age(now - site.oldest) if site.oldest else "",
        "dead": site.dead or "",
    }


def _document(found: Status, sites: list[SiteStatus]) -> dict[str, Any]:
    return {
        **status.as_json(found),
        "sites": [
            {
                "database": site.using,
                "site": site.name,
                "site_id": site.site_id,
                "state": site.state.value,
                "seq": site.last_seq,
                "merged": site.merged,
                "epoch": site.epoch,
                "keys": "mirrored" if site.is_mirrored else "pending",
                "pending": site.pending,
                "dead": site.dead,
                "oldest": site.oldest,
                "oldest_seconds": (found.at - site.oldest).total_seconds() if site.oldest else None,
                "error": " ".join(problem.reason for problem in site.problems),
            }
            for site in sites
        ],
    }
