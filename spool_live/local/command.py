"""The console command ``spool-live-local``, which ``manage.py local_supabase`` runs as well."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from spool_live.local.config import Limits, LocalSupabaseConfig, Pace
from spool_live.local.exceptions import LocalSupabaseError
from spool_live.local.server import run_local_supabase
from spool_live.local.state import configuration, write_private
from spool_live.local.summary import as_json, as_text
from spool_live.plans import PLANS

PORT, DATABASE_PORT = 54321, 54322
"""The default ports, which are those of Supabase's own command line."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run a local Supabase until SIGINT or SIGTERM; return the exit status.

    It prints the secrets of this local Supabase, unless ``--quiet`` is given.
    """
    parser = argparse.ArgumentParser(
        prog="spool-live-local",
        description="Run a local Supabase (PostgreSQL, REST, Realtime) for development and tests.",
    )
    add_arguments(parser)
    parser.add_argument("--quiet", action="store_true", help="print nothing")
    options = parser.parse_args(argv)
    try:
        run(options, lambda text: None if options.quiet else _print(text))
    except LocalSupabaseError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options that ``spool-live-local`` and ``manage.py local_supabase`` share."""
    parser.add_argument("--port", type=int, help=f"port of the API ({PORT})")
    parser.add_argument("--database-port", type=int, help=f"port of PostgreSQL ({DATABASE_PORT})")
    parser.add_argument(
        "--state-dir",
        type=Path,
        default=Path(".local-supabase"),
        help="where its database and secrets are kept (.local-supabase)",
    )
    parser.add_argument(
        "--privileges",
        choices=["grant-all", "grant-none"],
        default="grant-none",
        help="what the API roles may do with new tables: all, as in projects created before"
        " 2026-05-30, or nothing, as in newer ones (grant-none)",
    )
    parser.add_argument(
        "--plan",
        choices=list(PLANS),
        help="behave as the hosted service on this plan: its limits, its delays before a"
        " refusal, channels that stay dead after a restart of PostgreSQL (default: none)",
    )
    parser.add_argument(
        "--changes-interval",
        type=float,
        default=Pace.changes_interval,
        metavar="SECONDS",
        help="how often postgres_changes are polled for, up to five times as long while nothing"
        " comes; 0 delivers at once, which no real server does (0.1)",
    )
    parser.add_argument(
        "--cold-start",
        type=float,
        default=Pace.cold_start,
        metavar="SECONDS",
        help="how long after the very first connection private channels are refused with"
        " MissingPartition; 0 for never (3.0)",
    )
    parser.add_argument(
        "--without-slot",
        action="store_true",
        help="behave as a server that was refused its replication slot: it says Subscribed and "
        "delivers nothing",
    )
    parser.add_argument(
        "--ready-file",
        type=Path,
        help="JSON with addresses and secrets, written once everything answers",
    )
    parser.add_argument("--format", choices=["text", "json"], default="text")


def run(options: argparse.Namespace, write: Callable[[str], None]) -> None:
    """Run until SIGINT or SIGTERM. Call ``write`` with the summary once everything answers.

    Raises ``LocalSupabaseError``.
    """
    ready_file: Path | None = options.ready_file

    def on_ready(config: LocalSupabaseConfig) -> None:
        if ready_file is not None:
            write_private(ready_file, as_json(config))
        write(json.dumps(as_json(config)) if options.format == "json" else as_text(config))

    _remove(ready_file)
    try:
        run_local_supabase(_configuration(options), on_ready)
    finally:
        _remove(ready_file)


def _configuration(options: argparse.Namespace) -> LocalSupabaseConfig:
    config = configuration(
        options.state_dir,
        port=PORT if options.port is None else options.port,
        database_port=DATABASE_PORT if options.database_port is None else options.database_port,
        privilege_world=options.privileges,
    )
    config = replace(
        config,
        pace=Pace(options.changes_interval, options.cold_start),
        has_slot=not options.without_slot,
    )
    if options.plan is None:
        return config
    plan = PLANS[options.plan]
    return config.like_hosted(
        Limits(
            connections=plan.connections,
            joins_per_second=plan.joins_per_second,
            messages_per_second=plan.messages_per_second,
        )
    )


def _print(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def _remove(ready_file: Path | None) -> None:
    if ready_file is not None:
        ready_file.unlink(missing_ok=True)
