"""Notes beside the figures of the report: limits and peers that were measured separately, and the
reason for a missed goal. A note belongs to the figures whose name begins with its key; the longest
key wins."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Note:
    """A note. ``limit`` is the best that the machine can do and ``peers`` the values of others,
    both measured separately; ``why`` is printed only if the goal is missed."""

    limit: str = ""
    peers: str = ""
    why: str = ""


NOTES = {
    "G1 ": Note(
        "1.05 x (CTE, pipeline)",
        "outbox-pattern 1.7, simple-history 1.9, Celery 2.1, reversion 2.9, HTTP POST 1.9 to 45 x",
        "The statement more is an INSERT with its own way to the server and back. Sent as constant "
        "SQL, with none of our Python around it, it makes 1.26 to 1.28 x of a save that takes "
        "0.23 ms; with its parameters 1.31 to 1.33 x. What is above that is the work of capture. "
        "Pipeline mode was slower (1.50 x); a CTE around Django's own UPDATE would not be "
        "the business of a public API. Trigger capture (G2) has no statement more.",
    ),
    "G1 the same on SQLite": Note(
        "", "", "A save takes some 0.1 ms there, so what capture does in Python weighs more."
    ),
    "G2 ": Note(
        "1.10 x",
        "django-pghistory 1.17 to 1.38 x",
        "The trigger works out site, slug, state and metadata of the row before it inserts, into a "
        "table with four indexes; the peer, which copies the row, needs the same in the same run.",
    ),
    "G3 ": Note(
        "1.05 x",
        "Celery 2.4 to 2.8, eventstream 12 x",
        "Only the writing is one statement: each save still makes its update in Python, some 30 us "
        "beside a save of 120 us.",
    ),
    "G4 ": Note(
        "1.08 x",
        "simple-history 2.6, Celery 11 to 13 x",
        "The limit writes ids only. Our rows carry slug and metadata, so that what is delivered is "
        "what was saved.",
    ),
    "G5 ": Note(
        "58,000 to 64,000/s received",
        "task per event: 1,004/s and 1,304 us; 86/s at 20 ms",
        "PostgreSQL writes each row of the outbox twice more, when it is numbered and when it is "
        "settled (18 us of its time an update), on the cores that the worker and the receiver use.",
    ),
    "G6 ": Note(
        "85 %", "33 %", "Producer, PostgreSQL, broker, worker and receiver share two cores."
    ),
    "G7 ": Note(
        "0.6 / 0.7 ms, not durable",
        "Celery drain with defaults 7.4 / 9.5 ms",
        "Celery's own way from a producer to a running task takes 2.7 to 3.3 ms of it, measured "
        "apart; claim and request come after that, with a flush to disk between. The same code "
        "gave 2.8 to 5.7 ms within minutes, every part of the way slower or faster together: "
        "processors that rest between edits 25 ms apart do not always wake up as fast.",
    ),
    "G8 ": Note("0.002 ms", "Celery 1.2 ms; seconds with a dead broker"),
    "G9 ": Note(
        "94 % (trigger)",
        "3.6 % with pg_notify per commit, where a flush takes 1 ms",
        "One of four statements of the transaction is ours, and the disk takes a commit in 0.1 ms, "
        "so the two processors are the limit: in a run where plain commits came at 17,000/s "
        "the share was 88 %.",
    ),
    "G10 ": Note(
        "its own leg",
        "the real Realtime's own leg 2.9 / 7 / 54 ms with 1 / 50 / 1,000 subscribers; its Postgres "
        "Changes 262 / 284 / 346 ms",
        "Worker, PostgreSQL, local Supabase and subscribers share two cores.",
    ),
    "G11 ": Note(
        "1.05 x",
        "SHA-512 package 4.5 x, PBKDF2 1,980 x",
        "The empty view takes 0.1 ms, as much as any query. The key is read anew for each request, "
        "so that a revoked one is refused at once; two throttles and the signature come on top.",
    ),
    "G12 ": Note("one indexed read", "Supabase's replay: 25 messages"),
    "G13 latency": Note(
        "0.24 s behind 1 M deletions",
        "one DELETE with the real Realtime's own SQL: inserts behind it arrive after 40 s",
        "The deletions take processor time from the road beside them: PostgreSQL, local Supabase, "
        "worker and 100 subscribers share two cores.",
    ),
}
NOTHING = Note()


def note_of(name: str) -> Note:
    """Return the note of a figure."""
    found = max((start for start in NOTES if name.startswith(start)), key=len, default="")
    return NOTES.get(found, NOTHING)
