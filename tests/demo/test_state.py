"""What a demo leaves for other commands, and only while it runs."""

from __future__ import annotations

import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from demo_project.stack.pages import fingerprint
from demo_project.stack.ready import Paper, Ready, write_papers, write_ready_file
from demo_project.state import (
    Credentials,
    RunState,
    forget_run,
    load_credentials,
    lock_path,
    running_demo,
)
from demo_project.supervision.lock import exclusive


@pytest.fixture
def make_run() -> Callable[..., RunState]:
    def make(**changes: Any) -> RunState:
        values: dict[str, Any] = {
            "content": "postgres",
            "mode": "broadcast",
            "web_url": "http://127.0.0.1:8000",
            "redis_url": "redis://:hush@127.0.0.1:6390/0",
            "supabase_url": "http://127.0.0.1:54321",
            "publishable_key": "sb_publishable_x",
            "secret_key": "sb_secret_hush",
            "signing_key": "hush-hush",
            "database_url": "postgresql://postgres:hush@127.0.0.1:54322/postgres",
        }
        return RunState(**{**values, **changes})

    return make


def mode_of(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_running_demo_is_found_only_while_the_lock_is_held(
    tmp_path: Path, make_run: Callable[..., RunState]
) -> None:
    run = make_run()
    assert running_demo(tmp_path) is None
    with exclusive(lock_path(tmp_path)):
        run.save(tmp_path)
        assert running_demo(tmp_path) == run
    assert running_demo(tmp_path) is None, "the run file of a killed demo is not believed"
    forget_run(tmp_path)
    assert not (tmp_path / "run.json").exists()


def test_files_with_secrets_are_for_their_owner_only(
    tmp_path: Path, make_run: Callable[..., RunState]
) -> None:
    make_run().save(tmp_path)
    Credentials(django_secret_key="hush").save(tmp_path)
    assert mode_of(tmp_path / "run.json") == 0o600
    assert mode_of(tmp_path / "credentials.json") == 0o600


def test_secrets_stay_out_of_repr(make_run: Callable[..., RunState]) -> None:
    credentials = Credentials("hush", passwords={"admin": "hush"}, api_keys={"courier": "hush"})
    assert "hush" not in repr(make_run()) + repr(credentials)


def test_credentials_survive_and_start_empty(tmp_path: Path) -> None:
    assert load_credentials(tmp_path) == Credentials()
    kept = Credentials("key", passwords={"admin": "password"}, api_keys={"courier": "api key"})
    kept.save(tmp_path)
    assert load_credentials(tmp_path) == kept


def test_ready_file_holds_what_tools_need(
    tmp_path: Path, make_run: Callable[..., RunState]
) -> None:
    Credentials(
        metrics_token="m" * 32,
        passwords={"admin": "one", "courier-editor": "two"},
        api_keys={"courier": "spool_key"},
    ).save(tmp_path)
    write_papers(tmp_path, "admin", [Paper("an-id", "The Courier", "courier", "courier-editor")])
    path = tmp_path / "ready.json"
    ready = Ready.collect(tmp_path, make_run())
    write_ready_file(path, ready)
    assert mode_of(path) == 0o600
    assert ready.as_json() == {
        "admin_url": "http://127.0.0.1:8000/admin/",
        "metrics_token": "m" * 32,
        "username": "admin",
        "password": "one",
        "api_url": "http://127.0.0.1:8000/spool-live/",
        "supabase_url": "http://127.0.0.1:54321",
        "publishable_key": "sb_publishable_x",
        "secret_key": "sb_secret_hush",
        "database_url": "postgresql://postgres:hush@127.0.0.1:54322/postgres",
        "split_url": "http://127.0.0.1:8000/split/",
        "sites": [
            {
                "id": "an-id",
                "name": "The Courier",
                "page_url": "http://127.0.0.1:8000/sites/courier/",
                "api_key": "spool_key",
                "editor": {"username": "courier-editor", "password": "two"},
                "articles_url": (
                    "http://127.0.0.1:8000/admin/newsroom/article/?site__id__exact=an-id"
                ),
            }
        ],
    }


def test_fingerprint_changes_with_names_and_contents(tmp_path: Path) -> None:
    folder = tmp_path / "src"
    folder.mkdir()
    (folder / "a.ts").write_text("one")
    first = fingerprint(folder)
    assert fingerprint(folder) == first
    (folder / "a.ts").write_text("two")
    second = fingerprint(folder)
    (folder / "a.ts").rename(folder / "b.ts")
    third = fingerprint(folder)
    assert len({first, second, third}) == 3
