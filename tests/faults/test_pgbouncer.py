"""Several editors and workers through PgBouncer in transaction mode, with fewer connections than
clients: whatever lived in a session would show here."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from django.conf import settings
from django.db import connection, connections, transaction

from spool_live import LiveUpdateData, batch, broadcast_update, outbox
from spool_live.broadcasters.memory import MemoryBroadcaster
from spool_live.delivery import deliver_pending
from spool_live.models import OutboxEntry, Site
from spool_live.updates import EventType
from tests.faults.pooler import PROGRAM, pgbouncer

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(PROGRAM is None, reason="PgBouncer is not installed (CI installs it)"),
    pytest.mark.skipif(settings.CONTENT != "postgresql", reason="needs content on PostgreSQL"),
]

EDITORS, WORKERS, EDITS = 4, 3, 25


@pytest.fixture
def pooled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Every thread's connection goes through the pooler."""
    direct = connections.settings["default"]
    with pgbouncer(tmp_path, direct, connections=3) as port:
        connection.close()
        monkeypatch.setitem(direct, "PORT", port)
        monkeypatch.setitem(connection.settings_dict, "PORT", port)
        monkeypatch.setitem(connection.settings_dict, "DISABLE_SERVER_SIDE_CURSORS", True)
        yield
        connection.close()


def in_threads(*acts: Callable[[], None]) -> None:
    failures: list[BaseException] = []

    def run(act: Callable[[], None]) -> None:
        try:
            act()
        except BaseException as error:  # noqa: BLE001 - raised again in the test
            failures.append(error)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=run, args=[act]) for act in acts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    if failures:
        raise failures[0]


def test_each_site_gets_all_of_its_updates_in_order(pooled: None) -> None:
    sites = [Site.objects.create(name=str(n)) for n in range(3)]
    edited = threading.Event()

    def edit(editor: int) -> None:
        for n in range(EDITS):
            data = LiveUpdateData(
                event_type=EventType.UPDATED,
                collection="stories",
                item_id=uuid.uuid4(),
                metadata={"editor": editor, "n": n},
            )
            with batch() if n % 5 == 0 else transaction.atomic():
                broadcast_update(sites[(editor + n) % 3], data)

    def work() -> None:
        while not edited.is_set():
            deliver_pending("default", pause=lambda seconds: None)

    workers = [threading.Thread(target=in_threads, args=[work]) for _ in range(WORKERS)]
    for worker in workers:
        worker.start()
    in_threads(*(lambda editor=editor: edit(editor) for editor in range(EDITORS)))
    edited.set()
    for worker in workers:
        worker.join(60)
    deliver_pending("default", pause=lambda seconds: None)

    assert len(MemoryBroadcaster.updates) == EDITORS * EDITS
    for site in sites:
        mine = [u for u in MemoryBroadcaster.updates if u.site_id == site.pk]
        assert [u.seq for u in mine] == list(range(1, len(mine) + 1))
        page = outbox.catch_up("default", site.pk, after=0, limit=1000)
        assert [u.id for u in page.results] == [u.id for u in mine]
    assert set(OutboxEntry.objects.values_list("state", flat=True)) == {"delivered"}
