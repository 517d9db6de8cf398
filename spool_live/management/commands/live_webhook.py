"""``manage.py live_webhook``: manages the endpoints of sites, their secrets and their logs."""

from __future__ import annotations

import uuid
from argparse import ArgumentParser, ArgumentTypeError
from datetime import datetime, timedelta
from typing import Any

from django.core.management.base import CommandError
from django.db import router
from django.utils import timezone
from django.utils.dateparse import parse_datetime

from spool_live import webhooks
from spool_live.management.output import ReportCommand, add_format_to, hours, wrapped
from spool_live.management.sites import find_site
from spool_live.models import WebhookAttempt, WebhookEndpoint, WebhookSecret
from spool_live.webhooks import replay, secrets
from spool_live.webhooks.encryption import UnreadableSecretError
from spool_live.webhooks.guard import EndpointRefusedError
from spool_live.webhooks.health import Health, health_of

Rows = list[dict[str, Any]]
Scheme = WebhookSecret.Scheme
EMPTY = {
    "list": "There are no webhook endpoints: run manage.py live_webhook create SITE URL.",
    "log": "Nothing was sent to this endpoint yet.",
}
"""What an action prints instead of a table without rows."""


class Command(ReportCommand):
    """Manages webhook endpoints. Exit code 1 if a test fails, or ``list`` shows a failing one."""

    help = "Manage the webhook endpoints of sites. Secrets are shown once."

    def add_arguments(self, parser: ArgumentParser) -> None:
        super().add_arguments(parser)
        actions = parser.add_subparsers(dest="action", required=True)
        create = actions.add_parser("create", help="Create an endpoint and its secret.")
        create.add_argument("site", help="The site's id or name.")
        create.add_argument("url", help="Where the messages go.")
        create.add_argument("--description", default="")
        create.add_argument("--event-type", action="append", default=[], help="Default: all.")
        create.add_argument("--collection", action="append", default=[], help="Default: all.")
        create.add_argument(
            "--rate", type=int, default=0, help="Most messages per second (default 0: no limit)."
        )
        shown = actions.add_parser("list", help="List endpoints and their health.")
        shown.add_argument("site", nargs="?", help="The site's id or name; all sites without.")
        log = actions.add_parser("log", help="Show the newest attempts at an endpoint.")
        log.add_argument("--limit", type=int, default=20, help="How many (default 20).")
        rotate = actions.add_parser(
            "rotate", help="Replace the secret; the old one ends after a while."
        )
        rotate.add_argument(
            "--overlap-hours",
            type=hours,
            default=24.0,
            help="How long both secrets sign (default 24; 0 ends the old one at once).",
        )
        for chooses_scheme in (create, rotate):
            chooses_scheme.add_argument(
                "--public-key",
                action="store_true",
                help="Sign with Ed25519 (v1a): receivers need a public key, and no secret.",
            )
        resend = actions.add_parser("resend", help="Send again: one update, or what failed.")
        which = resend.add_mutually_exclusive_group(required=True)
        which.add_argument("--update", type=_uuid, help="One update, by its id.")
        which.add_argument(
            "--failed", action="store_true", help="All messages that the receiver did not accept."
        )
        which.add_argument(
            "--failed-since", type=_moment, metavar="TIME", help="The same, since this time."
        )
        which.add_argument(
            "--failed-since-seq", type=int, metavar="SEQ", help="The same, from this seq on."
        )
        which.add_argument(
            "--since-seq", type=int, metavar="SEQ", help="Everything from this seq on."
        )
        test = actions.add_parser("test", help="Send an example and show the answer.")
        disable = actions.add_parser("disable", help="Stop sending to an endpoint.")
        enable = actions.add_parser("enable", help="Resume sending, from now on.")
        delete = actions.add_parser("delete", help="Remove an endpoint, its secrets and its log.")
        for of_endpoint in (log, rotate, resend, test, disable, enable, delete):
            of_endpoint.add_argument("endpoint", help="The endpoint's id, or its beginning.")
        actions.add_parser("reencrypt", help="Encrypt all secrets with the SECRET_KEY of today.")
        add_format_to(actions)

    def handle(self, *args: Any, **options: Any) -> None:
        self.using = router.db_for_write(WebhookEndpoint)
        self.failed = False
        act = getattr(self, f"_{options['action']}")
        try:
            rows = act(options)
        except (EndpointRefusedError, UnreadableSecretError, ValueError) as error:
            raise CommandError(str(error)) from error
        self.report(rows, rows, options, empty=EMPTY.get(options["action"], ""))
        if self.failed:
            raise SystemExit(1)

    def _create(self, options: Any) -> Rows:
        endpoint, secret = webhooks.create_endpoint(
            find_site(options["site"]),
            options["url"],
            description=options["description"],
            event_types=options["event_type"],
            collections=options["collection"],
            rate=options["rate"],
            scheme=_scheme(options),
            using=self.using,
        )
        return [{"endpoint": endpoint.pk, "url": endpoint.url, **_shown(secret, options)}]

    def _list(self, options: Any) -> Rows:
        endpoints = WebhookEndpoint.objects.using(self.using).select_related("site")
        if options["site"]:
            endpoints = endpoints.filter(site=find_site(options["site"]))
        rows = []
        for endpoint, health in health_of(endpoints, using=self.using).items():
            self.failed |= health.state is Health.FAILING
            rows.append(
                {
                    "endpoint": endpoint.pk,
                    "site": endpoint.site.name,
                    "url": endpoint.url,
                    "state": health.state.value,
                    "waiting": health.waiting,
                    "failed": health.failed,
                    "health": health.words,
                }
            )
        return rows

    def _log(self, options: Any) -> Rows:
        endpoint = self._find(options)
        lines = WebhookAttempt.objects.using(self.using).filter(endpoint=endpoint)
        rows: Rows = []
        for line in lines.order_by("-pk")[: options["limit"]]:
            row = {
                "at": line.at,
                "update": line.update_id,
                "seq": line.seq,
                "attempt": line.number,
                "status": line.status,
                "ms": line.milliseconds,
                "error": line.error,
            }
            if options["format"] == "json":
                row |= {"request": line.request, "answer": line.answer}
            rows.append(row)
        return rows

    def _rotate(self, options: Any) -> Rows:
        endpoint = self._find(options)
        overlap = timedelta(hours=options["overlap_hours"])
        secret = secrets.rotate(
            endpoint, overlap=overlap, scheme=_scheme(options), using=self.using
        )
        return [{"endpoint": endpoint.pk, **_shown(secret, options)}]

    def _resend(self, options: Any) -> Rows:
        endpoint = self._find(options)
        if options["update"]:
            if not replay.resend(endpoint, options["update"], using=self.using):
                raise CommandError("The history of the endpoint's site does not hold this update.")
            return [{"endpoint": endpoint.pk, "messages": 1}]
        if options["since_seq"] is not None:
            replay.resend_all(endpoint, since_seq=options["since_seq"], using=self.using)
            return [{"endpoint": endpoint.pk, "messages": f"from seq {options['since_seq']} on"}]
        number = replay.resend_failed(
            endpoint,
            since=options["failed_since"],
            since_seq=options["failed_since_seq"],
            using=self.using,
        )
        return [{"endpoint": endpoint.pk, "messages": number}]

    def _test(self, options: Any) -> Rows:
        endpoint = self._find(options)
        answer = replay.send_example(endpoint, using=self.using).answer
        self.failed = not answer.is_success
        outcome = answer.error or "taken"
        return [{"url": endpoint.url, "status": answer.status, "outcome": outcome}]

    def _disable(self, options: Any) -> Rows:
        endpoint = self._find(options)
        webhooks.disable(endpoint, WebhookEndpoint.Disabled.BY_HAND, using=self.using)
        return [{"endpoint": endpoint.pk, "state": "disabled"}]

    def _enable(self, options: Any) -> Rows:
        endpoint = self._find(options)
        webhooks.enable(endpoint, using=self.using)
        return [{"endpoint": endpoint.pk, "state": "enabled"}]

    def _delete(self, options: Any) -> Rows:
        endpoint = self._find(options)
        row = {"endpoint": endpoint.pk, "state": "deleted"}
        endpoint.delete(using=self.using)
        return [row]

    def _reencrypt(self, options: Any) -> Rows:
        number, unreadable = secrets.reencrypt(self.using)
        self.failed = bool(unreadable)
        for endpoint_id in unreadable:
            self.stderr.write(wrapped(f"The secret of endpoint {endpoint_id} cannot be decrypted."))
        return [{"reencrypted": number, "unreadable": len(unreadable)}]

    def _find(self, options: Any) -> WebhookEndpoint:
        given = options["endpoint"].lower()
        endpoints = WebhookEndpoint.objects.using(self.using).select_related("site")
        found = [one for one in endpoints if str(one.pk).startswith(given)]
        if not found:
            raise CommandError(f"There is no endpoint {given!r}: see live_webhook list.")
        if len(found) > 1:
            raise CommandError(f"{len(found)} endpoints begin with {given!r}: give more of the id.")
        return found[0]


def _scheme(options: Any) -> WebhookSecret.Scheme:
    return Scheme.ED25519 if options["public_key"] else Scheme.HMAC


def _shown(secret: str, options: Any) -> dict[str, Any]:
    return {"public_key" if options["public_key"] else "secret": str(secret)}


def _uuid(text: str) -> uuid.UUID:
    try:
        return uuid.UUID(text)
    except ValueError:
        raise ArgumentTypeError("must be the id of an update") from None


def _moment(text: str) -> datetime:
    try:
        found = parse_datetime(text)
    except ValueError:
        found = None
    if found is None:
        raise ArgumentTypeError("must be a time, such as 2030-01-31T12:00:00Z")
    return found if timezone.is_aware(found) else timezone.make_aware(found)
