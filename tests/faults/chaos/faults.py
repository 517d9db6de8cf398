"""The faults: each takes hold of one part of the stage. What must end again is done ``later``."""

from __future__ import annotations

import os
import random
import signal
import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial

import psycopg
import redis

from spool_live.local.data_folder import DataFolder
from spool_live.local.postgres import EmbeddedPostgres
from tests.faults.chaos.part import Part
from tests.faults.chaos.proxy import SPOILINGS
from tests.faults.chaos.stage import LEASE, Stage

Act = Callable[[], None]


def _give_up(connection: psycopg.Connection) -> None:
    with suppress(psycopg.Error):  # its server may have been restarted
        connection.rollback()
    connection.close()


class Faults:
    """All the faults by name, in ``kinds``."""

    def __init__(self, stage: Stage, seed: int) -> None:
        self.stage = stage
        self.rand = random.Random(seed + 1)
        self._later: list[tuple[float, Act]] = []
        self.kinds: dict[str, Act] = {
            "worker killed": lambda: self._worker().restart(),
            "process of a worker killed": self.kill_child,
            "worker frozen past its lease": self.freeze_worker,
            "rolling upgrade": self.upgrade,
            "broker restarted": self.restart_broker,
            "broker killed, its data lost": self.lose_broker,
            "broker flushed": self.flush_broker,
            "broker frozen": self.freeze_broker,
            "broker full": self.fill_broker,
            "beat killed": self.stage.beat.restart,
            "beat twice": self.double_beat,
            "content database restarted": lambda: self.restart(self.stage.content),
            "content database crashed": lambda: self.crash(self.stage.content),
            "worker cut off in a transaction": lambda: self.cut_off("worker"),
            "editor cut off in a transaction": lambda: self.cut_off("editor"),
            "editor killed": self.kill_editor,
            "site held by an open transaction": self.hold_site,
            "Supabase database restarted": lambda: self.restart(self.stage.live),
            "Supabase database crashed": lambda: self.crash(self.stage.live),
            "Supabase gateway killed": self.kill_gateway,
            "web process killed": self.stage.web.restart,
            "API key revoked": self.revoke_key,
        }
        for kind in SPOILINGS:
            self.kinds[f"Supabase: {kind}"] = partial(self.spoil, kind)

    def run_due(self, *, all_of_them: bool = False) -> None:
        """Ends what is to end by now."""
        now = time.monotonic()
        due = [act for when, act in self._later if when <= now or all_of_them]
        self._later = [one for one in self._later if one[0] > now and not all_of_them]
        for act in due:
            act()

    def spoil(self, kind: str) -> None:
        self.stage.proxy.spoil(kind, self.rand.randint(1, 2))

    def kill_child(self) -> None:
        if children := self._worker().children:
            os.kill(self.rand.choice(children), signal.SIGKILL)

    def freeze_worker(self) -> None:
        worker = self._worker()
        worker.signal(signal.SIGSTOP)
        self._in(LEASE + self.rand.uniform(0.5, 2), lambda: worker.signal(signal.SIGCONT))

    def upgrade(self) -> None:
        """The new release starts while the old one finishes what it has claimed."""
        place = self.rand.randrange(len(self.stage.workers))
        old = self.stage.workers[place]
        self.stage.workers[place] = self.stage.new_worker()
        self.stage.retired.append(old)
        os.kill(old.pid, signal.SIGTERM)
        self._in(10, old.kill)

    def restart_broker(self) -> None:
        self.stage.broker.stop()
        self.stage.start_broker()

    def lose_broker(self) -> None:
        self.stage.broker.kill()
        self.stage.forget_broker_data()
        self.stage.start_broker()

    def flush_broker(self) -> None:
        with self._client_of_broker() as broker:
            broker.flushall()

    def _client_of_broker(self) -> redis.Redis:
        """A frozen broker is woken first: whoever waits for it here would have to wake it."""
        self.stage.broker.signal(signal.SIGCONT)
        return redis.Redis(port=self.stage.broker_port, socket_timeout=30)

    def freeze_broker(self) -> None:
        broker = self.stage.broker
        broker.signal(signal.SIGSTOP)
        self._in(self.rand.uniform(0.5, 3), lambda: broker.signal(signal.SIGCONT))

    def fill_broker(self) -> None:
        """At ``maxmemory``, as a broker is that must not evict: it refuses every write."""
        self._limit_broker("1")
        self._in(self.rand.uniform(1, 3), lambda: self._limit_broker("0"))

    def _limit_broker(self, memory: str) -> None:
        with suppress(redis.RedisError), self._client_of_broker() as broker:
            broker.config_set("maxmemory-policy", "noeviction")
            broker.config_set("maxmemory", memory)

    def hold_site(self) -> None:
        """Somebody saves a site in a transaction that stays open."""
        held = psycopg.connect(self.stage.content.conninfo())
        with suppress(psycopg.Error):
            held.execute("set lock_timeout = '2s'")
            held.execute(
                "update sites set name = name where id = (select id from sites order by id limit 1)"
            )
        self._in(self.rand.uniform(1, 4), lambda: _give_up(held))

    def double_beat(self) -> None:
        second = self.stage.new_beat("beat-2")
        self.stage.retired.append(second)
        self._in(6, second.kill)

    def restart(self, database: EmbeddedPostgres) -> None:
        database.stop()
        time.sleep(self.rand.uniform(0, 0.7))
        database.start()

    def crash(self, database: EmbeddedPostgres) -> None:
        """Immediate shutdown: what was committed is recovered from the log, nothing else."""
        pid = DataFolder(database.data_dir).server_pid
        assert pid is not None
        os.kill(pid, signal.SIGQUIT)
        while database.running:
            time.sleep(0.01)
        database.stop()
        database.start()

    def cut_off(self, role: str) -> None:
        """Ends a connection that is in the middle of a transaction, as soon as there is one."""
        deadline = time.monotonic() + 2
        with psycopg.connect(self.stage.content.conninfo(), autocommit=True) as connection:
            while time.monotonic() < deadline:
                cut = connection.execute(
                    "select pg_terminate_backend(pid) from pg_stat_activity where state in "
                    "('active', 'idle in transaction') and application_name like %s limit 1",
                    [f"{role}-%"],
                ).fetchone()
                if cut:
                    return

    def kill_editor(self) -> None:
        place = self.rand.randrange(len(self.stage.editors))
        self.stage.editors[place].kill()
        self.stage.editors[place] = self.stage.hire()

    def kill_gateway(self) -> None:
        self.stage.gateway.kill()
        time.sleep(self.rand.uniform(0, 0.5))
        try:
            self.stage.gateway.start()
        except TimeoutError:  # a busy machine: once more
            self.stage.gateway.kill()
            self.stage.gateway.start()

    def revoke_key(self) -> None:
        from django.db import connections

        from spool_live import keys
        from spool_live.models import Site

        connections.close_all()  # they do not outlive the restarts of their servers
        site = self.rand.choice(list(Site.objects.order_by("name")))
        key, _ = keys.create_key(site, name="to be revoked")
        keys.revoke_key(key)

    def _worker(self) -> Part:
        return self.rand.choice(self.stage.workers)

    def _in(self, seconds: float, act: Act) -> None:
        self._later.append((time.monotonic() + seconds, act))
