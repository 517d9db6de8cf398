"""``manage.py live_alerts``: evaluate the alert rules, once or continuously; test the channels."""

from __future__ import annotations

import contextlib
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

from django.db import DatabaseError, close_old_connections

from spool_live import alerts
from spool_live.alerts.episodes import open_episodes
from spool_live.management.output import ReportCommand, seconds, table, wrapped
from spool_live.status.states import age
from spool_live.supabase.databases import content_databases


class Command(ReportCommand):
    """Evaluates the alert rules, or tests the channels.

    Exit code 1 while something is wrong, or if a channel did not accept the test notice.
    """

    help = "Evaluate the alert rules and send what is due: once (cron, systemd) or with --loop."

    def add_arguments(self, parser: Any) -> None:
        super().add_arguments(parser)
        parser.add_argument("--loop", action="store_true", help="Repeat until interrupted.")
        parser.add_argument(
            "--interval", type=seconds, default=5.0, help="Seconds between passes (with --loop)."
        )
        parser.add_argument(
            "--ready-file",
            metavar="FILE",
            help="Create this file after the first pass (with --loop): for supervisors.",
        )
        parser.add_argument(
            "--test", action="store_true", help="Send a test notice on each channel instead."
        )

    def handle(self, *args: Any, **options: Any) -> None:
        if options["test"]:
            self._test(options)
            return
        if options["loop"]:
            with contextlib.suppress(KeyboardInterrupt):
                self._loop(options)
            return
        evaluation = alerts.evaluate()
        self._report(evaluation, options)
        if evaluation.firing:
            raise SystemExit(1)

    def _loop(self, options: Any) -> None:
        shown: tuple[str, ...] | None = None
        while True:
            try:
                evaluation = alerts.evaluate()
            except DatabaseError as error:
                self.stderr.write(f"{type(error).__name__}, trying again")
            else:
                if evaluation.firing != shown:
                    self._report(evaluation, options)
                shown = evaluation.firing
            if options["ready_file"]:
                Path(options["ready_file"]).touch()
            time.sleep(options["interval"])
            close_old_connections()

    def _test(self, options: Any) -> None:
        outcome = alerts.send_test()
        rows = [{"channel": name, "outcome": error or "sent"} for name, error in outcome.items()]
        self.report(rows, rows, options)
        if any(outcome.values()):
            raise SystemExit(1)

    def _report(self, evaluation: alerts.Evaluation, options: Any) -> None:
        episodes = open_episodes(content_databases()[0])
        found = [
            {
                "rule": episode.rule,
                "state": episode.state,
                "for": age(episode.seen_at - episode.started_at),
                "summary": episode.summary,
                "remedy": episode.remedy,
                "started_at": episode.started_at,
            }
            for episode in episodes
        ]
        if options["format"] == "json":
            self.report({**asdict(evaluation), "episodes": found}, [], options)
        elif found:
            self.stdout.write(
                table([{k: row[k] for k in ("rule", "state", "for")} for row in found])
            )
            for row in found:
                self.stdout.write("\n" + wrapped(f"{row['summary']} {row['remedy']}"))
        else:
            self.stdout.write("Nothing is wrong.")
