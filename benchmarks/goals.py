"""What stands beside a figure in the report: the limit and peers measured apart, and the reason
where its goal is missed. Found by the beginning of the figure's name, the longest one wins."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Note:
    """``limit``: the best that the machine gives, measured apart; ``peers``: what others need,
    measured apart; ``why``: printed only where the goal is missed."""

    limit: str = ""
    peers: str = ""
    why: str = ""


NOTES = {
    "G1 ": Note(
        "1.05 x (CTE, pipeline)",
        "outbox-pattern 1.7, simple-history 1.9, Celery 2.1, reversion 2.9, POST 1.9 to 45 x",
        "The INSERT is one more round trip to the database, some 100 us here; over a network both "
        "the save and the INSERT grow, and the ratio falls.",
    ),
    "G2 ": Note("1.10 x", "django-pghistory 1.17 to 1.38 x"),
    "G3 ": Note("1.05 x", "Celery 2.4 to 2.8, eventstream 12 x"),
    "G4 ": Note(
        "1.08 x",
        "simple-history 2.6, Celery 11 to 13 x",
        "The limit writes ids only; our outbox rows carry slug and metadata, and PostgreSQL needs "
        "most of the difference to write them.",
    ),
    "G5 ": Note(
        "58,000 to 64,000 rows/s received",
        "task per event: 1,004/s and 1,304 us; 86/s at 20 ms",
        "The worker shares two cores with PostgreSQL and the receiver.",
    ),
    "G6 ": Note(
        "85 %", "33 %", "Producer, PostgreSQL, broker, worker and receiver share two cores."
    ),
    "G7 ": Note(
        "0.6 / 0.7 ms (no durability)",
        "Celery drain with defaults 7.4 / 9.5 ms",
        "Half of it is the broker and Celery's own way to a task; the rest is claiming, on a "
        "PostgreSQL that flushes each commit.",
    ),
    "G8 ": Note("0.002 ms", "Celery 1.2 ms; seconds with a dead broker"),
    "G9 ": Note(
        "94 % (trigger)",
        "3.6 % with pg_notify per commit",
        "A captured save is one statement of three more; at 32 clients on two cores the "
        "processors are the limit, not the disk.",
    ),
    "G10 ": Note(
        "its own leg",
        "hosted Realtime's own leg 2.9 / 7 / 54 ms with 1 / 50 / 1000; Postgres Changes 262 / "
        "284 / 346 ms",
        "Worker, PostgreSQL, the local Supabase and the subscribers share two cores.",
    ),
    "G11 ": Note("1.05 x", "SHA-512 package 4.5 x, PBKDF2 1,980 x"),
    "G12 ": Note("one indexed read", "Supabase's replay: 25 messages"),
    "G13 latency": Note(
        "publish = 'insert': 0.24 s",
        "one DELETE on the hosted Realtime: inserts behind it arrive after 40 s",
        "The deletions take processor time from the road they are beside: PostgreSQL, the local "
        "Supabase, the worker and 100 subscribers share two cores.",
    ),
}
NOTHING = Note()


def note_of(name: str) -> Note:
    """The note of a figure."""
    found = max((start for start in NOTES if name.startswith(start)), key=len, default="")
    return NOTES.get(found, NOTHING)
