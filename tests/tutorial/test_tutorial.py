"""From an empty folder to the first update, by the tutorial and nothing else."""

from __future__ import annotations

import re
from pathlib import Path
from zipfile import ZipFile

import pytest

from tests.blocks import Block, blocks_of
from tests.tutorial.admin import add_article
from tests.tutorial.conftest import MakeReader
from tests.tutorial.reader import Reader

pytestmark = [pytest.mark.tutorial, pytest.mark.timeout(900)]
PAGE, README = "docs/tutorial/first-site.md", "README.md"
SHORT, LONG, CELERY = "In five commands", "Step by step", "With Celery"


def of(page: str, section: str) -> list[Block]:
    found = [block for block in blocks_of(page) if block.section == section]
    assert found, section
    return found


def test_no_block_is_left_out() -> None:
    assert {block.section for block in blocks_of(PAGE)} == {SHORT, LONG, CELERY}


def test_five_commands(make_reader: MakeReader) -> None:
    reader = make_reader()
    commands, shown = of(PAGE, SHORT)
    assert len(commands.text.splitlines()) == 5
    reader.follow(commands)
    address = reader.terminals["start"].expect(re.compile(r"^Admin +(\S+)$", re.MULTILINE))[1]
    article = {"title": "The ferry is late", "slug": "the-ferry-is-late", "is_published": "on"}
    add_article(address, reader.variables()["DJANGO_SUPERUSER_PASSWORD"], article)
    reader.follow(shown)
    reader.terminals["start"].close()
    assert "Stopped." in reader.terminals["start"].printed


@pytest.fixture(scope="module")
def follower(make_reader: MakeReader) -> Reader:
    """Who went the long way to its end, all terminals open."""
    reader = make_reader()
    for block in of(PAGE, LONG):
        reader.follow(block)
    return reader


def test_what_is_installed_is_the_wheel_and_no_checkout(follower: Reader, wheel: Path) -> None:
    [package] = (follower.folder / ".venv").glob("lib/python*/site-packages/spool_live")
    with ZipFile(wheel) as archive:
        names = [name for name in archive.namelist() if name.startswith("spool_live/")]
        wrong = [n for n in names if (package.parent / n).read_bytes() != archive.read(n)]
    assert "spool_live/__main__.py" in names
    assert not wrong


def test_step_by_step_and_an_edit_in_the_admin(follower: Reader) -> None:
    tail = follower.terminals["tail"]
    assert len(re.findall(r" content\.published +articles/ferry ", tail.printed)) == 1
    save_in_the_admin(follower, "The fog", "fog")
    tail.expect(re.compile(r" content\.published +articles/fog +“The fog” +#2$", re.MULTILINE))


def test_program_of_the_readme(follower: Reader) -> None:
    [program] = [block for block in blocks_of(README) if block.title == "follow.py"]
    follower.follow(program)
    words = f". .venv/bin/activate; set -a; . ./.env; python {program.title}"
    terminal = follower.open("program", words)
    for number in range(100):  # it gets what is saved once it listens, and does not say when
        save_in_the_admin(follower, "Tide", f"tide-{number}")
        if "content.published articles tide-" in terminal.printed:
            break
    terminal.expect("content.published articles tide-")


def save_in_the_admin(reader: Reader, title: str, slug: str) -> None:
    variables = reader.variables()
    article = {"title": title, "slug": slug, "status": "published"}
    password = reader.run('printf %s "$DJANGO_SUPERUSER_PASSWORD"')
    address = variables["SPOOL_API_URL"].replace("spool-live", "admin")
    add_article(address, password, {**article, "site": variables["SPOOL_SITE_ID"]})


def test_celerys_part_is_one_that_django_accepts(follower: Reader) -> None:
    for block in of(PAGE, CELERY):
        follower.follow(block)
    said = follower.run(
        "python manage.py shell -v 0 -c '"
        "from django.conf import settings; print(*settings.CELERY_BEAT_SCHEDULE)'"
    )
    assert "spool-live-sweep" in said
