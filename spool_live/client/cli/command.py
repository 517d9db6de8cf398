"""The console command ``spool-live``."""

from __future__ import annotations

import argparse
import asyncio
import dataclasses
import json
import logging
import os
import shlex
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from spool_live.client.cli.check import CheckResult, check
from spool_live.client.cli.tail import tail
from spool_live.client.config import LiveUpdatesConfig
from spool_live.client.exceptions import ConfigurationError, LiveUpdatesError
from spool_live.client.updates import UpdateFilter

FAILED, MISUSED = 1, 2
_MARKS = {True: "ok  ", None: "warn", False: "FAIL"}


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; return its exit status: 0 success, 1 failure, 2 wrong configuration."""
    return run(_parser().parse_args(argv))


def run(options: argparse.Namespace) -> int:
    """Run the command with parsed options; return its exit status, as ``main`` does."""
    try:
        config = _config(options)
        with _quiet("realtime"), _quiet("spool_live.client.feed"):
            return asyncio.run(_check(config, options) if options.check else _tail(config, options))
    except ConfigurationError as error:
        sys.stderr.write(f"{error}\n")
        return MISUSED
    except LiveUpdatesError as error:
        sys.stderr.write(f"{error}\n")
        return FAILED
    except KeyboardInterrupt:
        return 0
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0


@contextmanager
def _quiet(name: str) -> Iterator[None]:
    """Silence this logger, because the command itself reports the same."""
    logger = logging.getLogger(name)
    before = logger.level
    logger.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        logger.setLevel(before)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="spool-live",
        description="Follow a site's content changes.",
        epilog="The API key is read from SPOOL_API_KEY only: arguments are visible to others.",
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    add_tail_arguments(commands.add_parser("tail", help="print updates as they come"))
    checking = commands.add_parser("check", help="find out what does not work")
    _add_common_arguments(checking)
    checking.set_defaults(check=True)
    return parser


def add_tail_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of ``tail``; ``manage.py live_tail`` has the same."""
    _add_common_arguments(parser)
    parser.set_defaults(check=False)
    parser.add_argument(
        "--exec",
        type=_command,
        metavar="COMMAND",
        help="run it for each update, without a shell: JSON on stdin, fields in SPOOL_SLUG, "
        "SPOOL_COLLECTION, ...",
    )
    parser.add_argument("--collection", action="append", help="only these; may be repeated")
    parser.add_argument("--event-type", action="append", help="only these; may be repeated")
    parser.add_argument("--since", type=int, metavar="SEQ", help="begin after this number")
    parser.add_argument("--cursor", metavar="FILE", help="go on where the last run stopped")
    parser.add_argument("--count", type=int, metavar="N", help="stop after so many updates")


def _command(text: str) -> list[str]:
    try:
        words = shlex.split(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{text!r}: {error}") from error
    if not words:
        raise argparse.ArgumentTypeError("it is empty")
    return words


def _add_common_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--site-id", help="default: SPOOL_SITE_ID")
    parser.add_argument(
        "--api-url", help="where spool_live.urls is mounted; default: SPOOL_API_URL"
    )
    parser.add_argument("--json", action="store_true", help="one JSON object per line")


def _config(options: argparse.Namespace) -> LiveUpdatesConfig:
    values = {"site_id": options.site_id, "api_url": options.api_url}
    if not options.check:
        wanted = UpdateFilter.of(options.collection, options.event_type)
        values |= {"start": options.since, "cursor": options.cursor, "filter": wanted}
    return LiveUpdatesConfig.from_env(**values)


async def _tail(config: LiveUpdatesConfig, options: argparse.Namespace) -> int:
    await tail(config, as_json=options.json, command=options.exec, count=options.count)
    return 0


async def _check(config: LiveUpdatesConfig, options: argparse.Namespace) -> int:
    failed = False
    async for result in check(config):
        failed = failed or result.ok is False
        sys.stdout.write(_line(result, as_json=options.json))
        sys.stdout.flush()
    return FAILED if failed else 0


def _line(result: CheckResult, *, as_json: bool) -> str:
    if as_json:
        return json.dumps(dataclasses.asdict(result)) + "\n"
    remedy = f"\n      {result.remedy}" if result.remedy else ""
    return f"{_MARKS[result.ok]}  {result.step}: {result.detail}{remedy}\n"
