"""Findings that somebody accepted: by fingerprint, in a file, and never what is broken of ours."""

from __future__ import annotations

from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from spool_live.isolation import CannotVerifyError, Report, read_accepted
from tests.isolation.conftest import SUPERUSER_ALIAS, Superuser

NOTES = (
    "create table public.notes (id integer)",
    "grant select on public.notes to anon",
)
FUNCTION = (
    "create function public.run(query text) returns void language plpgsql as"
    " $$ begin execute query; end $$"
)


def _command(database: Superuser, *arguments: str) -> str:
    out = StringIO()
    with database.as_migrator():
        call_command(
            "verify_rls", "--database", SUPERUSER_ALIAS, *arguments, stdout=out, stderr=StringIO()
        )
    return out.getvalue()


def _accept(database: Superuser, path: Path, name: str) -> str:
    options = ("--reason", "it is meant to be read", "--author", "Ada <ada@example.com>")
    return _command(database, "--accepted", str(path), "--accept", name, *options)


def _verify(database: Superuser, path: Path) -> Report:
    return database.verify(accepted=read_accepted(path))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "accepted.toml"


def test_accepted_object_is_listed_and_makes_no_exit_code(superuser: Superuser, path: Path) -> None:
    superuser.execute(*NOTES)
    with pytest.raises(CommandError, match="1 error"):
        _command(superuser)
    assert "Commit that file" in _accept(superuser, path, "public.notes")
    out = _command(superuser, "--accepted", str(path), "--fail-on", "warning")
    assert "RLS-E02  accepted  public.notes" in out
    assert "accepted by Ada <ada@example.com> on 20" in out
    assert "no findings, 1 accepted" in out


@pytest.mark.parametrize(
    "change",
    [
        "grant insert on public.notes to anon",
        "grant select on public.notes to authenticated",
        "alter table public.notes add column secret text",
        "alter table public.notes owner to supabase_realtime_admin",
        "alter table public.notes alter id set default 1",
    ],
    ids=["right", "grantee", "column", "owner", "default"],
)
def test_finding_is_back_when_the_object_changes(
    superuser: Superuser, path: Path, change: str
) -> None:
    superuser.execute("grant create on schema public to supabase_realtime_admin", *NOTES)
    superuser.execute("alter default privileges revoke all on tables from anon")
    _accept(superuser, path, "public.notes")
    assert _verify(superuser, path).isolated
    superuser.execute(change)
    report = _verify(superuser, path)
    assert not report.isolated
    assert "it has changed since" in report.findings[0].reason


def test_finding_is_back_when_what_it_reaches_changes(superuser: Superuser, path: Path) -> None:
    superuser.execute(
        "create schema hidden",
        "grant usage on schema hidden to anon",
        "create function hidden.run(query text) returns void language plpgsql as"
        " $$ begin execute query; end $$",
        "create function public.run(query text) returns void language sql as"
        " $$ select hidden.run(query) $$",
    )
    _accept(superuser, path, "public.run(text)")
    assert _verify(superuser, path).isolated
    superuser.execute(
        "create or replace function hidden.run(query text) returns void language plpgsql as"
        " $$ begin execute query || ';'; end $$"
    )
    assert not _verify(superuser, path).isolated


def test_layout_and_comments_of_a_view_do_not_matter(superuser: Superuser, path: Path) -> None:
    superuser.execute(
        "create view public.latest as select u.id from public.live_updates u",
        "grant select on public.latest to anon",
    )
    _accept(superuser, path, "public.latest")
    superuser.execute(
        "create or replace view public.latest as\n select id /* it */ from public.live_updates u"
    )
    assert _verify(superuser, path).isolated


@pytest.mark.parametrize(
    ("name", "statements"),
    [
        ("public.live_updates", ["alter table public.live_updates disable row level security"]),
        (
            "public.f()",
            ["create function public.f() returns int language sql security definer as 'select 1'"],
        ),
    ],
    ids=["a difference of ours", "a path to a superuser"],
)
def test_what_may_never_be_accepted_is_refused_by_the_command_and_in_the_file(
    superuser: Superuser, path: Path, name: str, statements: list[str]
) -> None:
    superuser.execute(*statements)
    with pytest.raises(CommandError, match="cannot be accepted"):
        _accept(superuser, path, name)
    path.write_text(
        f'[[accepted]]\nobject = "{name}"\nfingerprint = "sha256:{"0" * 64}"\n'
        'reason = "r"\nauthor = "a"\ndate = 2026-05-30\n'
    )
    report = _verify(superuser, path)
    assert not report.isolated
    assert any("it cannot be accepted" in finding.reason for finding in report.findings)


def test_entry_without_a_finding_is_a_note(superuser: Superuser, path: Path) -> None:
    superuser.execute(*NOTES)
    _accept(superuser, path, "public.notes")
    superuser.execute("drop table public.notes")
    report = _verify(superuser, path)
    assert [(f.code, f.subject) for f in report.findings] == [("RLS-I03", "public.notes")]
    assert report.clean


def test_entries_are_one_an_object_and_in_order(superuser: Superuser, path: Path) -> None:
    superuser.execute(*NOTES, FUNCTION)
    for name in ("public.run(text)", "public.notes", "public.run(text)"):
        _accept(superuser, path, name)
    assert [entry.object for entry in read_accepted(path)] == ["public.notes", "public.run(text)"]


def test_object_without_a_finding_cannot_be_accepted(superuser: Superuser, path: Path) -> None:
    with pytest.raises(CommandError, match="There is no finding about"):
        _accept(superuser, path, "public.nothing")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("accepted = 1", "tables [[accepted]]"),
        ("[[accepted]]\nobject = 'x'", "Entry 1 of .* exactly object, fingerprint"),
        ("[[accepted]\n", "cannot be read from"),
        (
            "[[accepted]]\nobject='x'\nfingerprint='f'\nreason='r'\nauthor='a'\ndate='tomorrow'",
            "date must be a date",
        ),
        (
            2
            * (
                "[[accepted]]\nobject='x'\nfingerprint='f'\nreason='r'\nauthor='a'\n"
                "date=2026-01-01\n"
            ),
            "accepts x more than once",
        ),
    ],
    ids=["not tables", "fields missing", "not TOML", "not a date", "twice"],
)
def test_file_that_is_wrong_is_refused(path: Path, text: str, message: str) -> None:
    path.write_text(text)
    with pytest.raises(
        CannotVerifyError, match=message.replace("[[", r"\[\[").replace("]]", r"\]\]")
    ):
        read_accepted(path)


def test_file_that_is_missing_is_refused_with_the_setting(path: Path) -> None:
    with pytest.raises(CannotVerifyError, match="ISOLATION_ACCEPTED"):
        read_accepted(path)


def test_setting_names_the_file(superuser: Superuser, path: Path, live: Any) -> None:
    superuser.execute(*NOTES)
    _accept(superuser, path, "public.notes")
    live(ISOLATION_ACCEPTED=path)
    assert superuser.verify().isolated


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--allow", "public.notes"], "--allow was removed.*--accept public.notes --reason"),
        (["--accept", "public.notes"], "needs --reason and --author"),
        (["--accept", "x", "--reason", "r", "--author", "a"], "ISOLATION_ACCEPTED"),
    ],
)
def test_wrong_arguments_are_refused(alias: str, arguments: list[str], message: str) -> None:
    with pytest.raises(CommandError, match=message) as refusal:
        call_command("verify_rls", *arguments, stdout=StringIO())
    assert refusal.value.returncode == 2
