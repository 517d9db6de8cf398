"""``manage.py verify_live``: proves on the running services that sites are isolated."""

from __future__ import annotations

import json
import sys
from argparse import ArgumentParser
from collections.abc import Callable
from typing import Any

import httpx
from django.core.management.base import CommandError
from django.db import router
from django.views.decorators.debug import sensitive_variables

from spool_live.api.in_process import RequestRefusedError, request_token
from spool_live.isolation.interrupts import Interrupts
from spool_live.isolation.live.sites import Deliverer
from spool_live.isolation.live.verify import verify_live
from spool_live.isolation.recording import record_live
from spool_live.keys.trail import Origin, acting
from spool_live.management.output import ReportCommand
from spool_live.models import Site


class Command(ReportCommand):
    """Compares what the subscribers of two probe sites receive, with real keys, tokens and sockets.

    Exit code 1 if one of them received an update of another site, or missed one of its own.
    """

    help = (
        "Prove on the running services that each site receives its own updates and no others. "
        "Makes two probe sites and removes them, also when interrupted."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        super().add_arguments(parser)
        parser.add_argument(
            "--api-url",
            help="Where the API is, such as https://cms.example/spool-live/ (default: the views "
            "are called in this process).",
        )
        parser.add_argument(
            "--no-worker",
            action="store_true",
            help="No worker is running on purpose: deliver in this process.",
        )
        parser.add_argument(
            "--timeout", type=float, default=15.0, help="Seconds to wait for each step (15)."
        )

    def handle(self, *args: Any, **options: Any) -> None:
        using = router.db_for_write(Site)
        interrupts = Interrupts()
        deliverer = Deliverer(
            using, not options["no_worker"], options["timeout"], check=interrupts.check
        )
        ask = over_http(options["api_url"]) if options["api_url"] else in_process
        with interrupts.deferred():
            report = verify_live(ask, deliverer, progress=self._progress(options["verbosity"]))
        rows = [result.as_row() for result in report.results]
        value = {"ok": report.ok, "results": rows, "troubles": report.troubles}
        self.report(value, rows, options)
        if options["format"] != "json":
            for trouble in report.troubles:
                self.stdout.write(trouble)
        failed = sum(not result.ok for result in report.results)
        if rows:  # a verification that was not carried out has no result
            with acting(Origin.COMMAND):
                record_live(failed, len(rows))
        if failed:
            raise CommandError(
                f"Sites are NOT isolated: {failed} of {len(rows)} cases failed.", returncode=1
            )
        if not report.ok:
            raise CommandError(
                "Each case passed, but no worker delivered in time: see above."
                if rows
                else "Nothing is proved: the verification could not be carried out.",
                returncode=1,
            )
        if options["format"] != "json":
            self.stdout.write(
                f"Sites are isolated: {len(rows)} of {len(rows)} cases received what is theirs "
                "and nothing else."
            )

    def _progress(self, verbosity: int) -> Callable[[str], None]:
        if verbosity > 1 or (verbosity == 1 and sys.stderr.isatty()):
            return lambda stage: self.stderr.write(f"verify_live: {stage}", self.style.NOTICE)
        return lambda stage: None


@sensitive_variables()
def in_process(plain: str) -> dict[str, Any]:
    """Request ``POST token/`` from the view itself."""
    try:
        return request_token(plain)
    except RequestRefusedError as error:
        raise CommandError(str(error)) from error


def over_http(api_url: str) -> Callable[[str], dict[str, Any]]:
    """Request ``POST token/`` over the network."""
    url = f"{api_url.rstrip('/')}/token/"

    @sensitive_variables()
    def ask(plain: str) -> dict[str, Any]:
        try:
            answer = httpx.post(url, headers={"Authorization": f"Api-Key {plain}"}, timeout=10)
            answer.raise_for_status()
            given: dict[str, Any] = answer.json()
        except (httpx.HTTPError, json.JSONDecodeError) as error:
            raise CommandError(f"POST {url}: {error}. Check --api-url.") from error
        return given

    return ask
