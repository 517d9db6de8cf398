"""What is wrong, for each thing that can be: judged from observations, without a database."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from spool_live.conf import LiveSettings
from spool_live.models import DeliveryCircuit, SiteDelivery
from spool_live.status.judging import judge
from spool_live.status.observing import Dead, Observation, Waiting
from spool_live.status.states import Activity, Kind, Problem, State, Status, ordered

NOW = datetime(2026, 5, 1, 10, 12, 45, tzinfo=UTC)
SITE, OTHER = uuid.uuid4(), uuid.uuid4()
NAMES = {SITE: "Skerry Bay Courier", OTHER: "Parallax"}


def ago(seconds: float) -> datetime:
    return NOW - timedelta(seconds=seconds)


def active(part: str, seconds: float = 1, *, failing: float | None = None, **more: Any) -> Activity:
    since = None if failing is None else ago(failing)
    values = {
        "active_since": ago(9_000),
        "succeeded_at": None,
        "error": "boom" if since else "",
        **more,
    }
    return Activity("default", part, ago(seconds), failing_since=since, **values)


def seen(*parts: Activity, **values: Any) -> Observation:
    """A healthy observation with these ``values``; ``parts`` replace those of the same name."""
    heartbeats = {part: active(part) for part in ("worker", "delivery", "sweep", "cleanup")}
    heartbeats["cleanup"] = active("cleanup", succeeded_at=ago(60))
    heartbeats |= {part.part: part for part in parts}
    return Observation("default", NOW, heartbeats, names=NAMES, **values)


def waits(seconds: float, count: int = 1) -> dict[uuid.UUID, Waiting]:
    return {SITE: Waiting(count, ago(seconds))}


def judged(observation: Observation, **settings: Any) -> list[Problem]:
    return judge(observation, LiveSettings(**settings))


def held(**values: Any) -> dict[uuid.UUID, SiteDelivery]:
    return {SITE: SiteDelivery(site_id=SITE, **values)}


GONE = [active("worker", 45), active("delivery", 45), active("sweep", 45)]
SLEPT = [active("sweep", 45)]
OUTAGE = DeliveryCircuit(
    failures=3, open_until=NOW + timedelta(seconds=20), last_error="Supabase cannot be reached."
)
BROKEN = [
    pytest.param(
        seen(*GONE), Kind.DELIVERY, State.STOPPED, None, 45,
        "Nothing has delivered since 10:12:00.", id="no worker",
    ),
    pytest.param(
        seen(*GONE, waiting=waits(40)), Kind.DELIVERY, State.STOPPED, None, 45,
        "1 update of Skerry Bay Courier has waited 40 s: nothing has delivered since 10:12:00.",
        id="no worker and an update",
    ),
    pytest.param(
        replace(seen(), heartbeats={}), Kind.DELIVERY, State.STOPPED, None, 0,
        "Nothing has ever delivered.", id="never a worker",
    ),
    pytest.param(
        seen(*SLEPT), Kind.SWEEP, State.STOPPED, None, 45,
        "The sweep has not run since 10:12:00, which finds lost nudges and due retries.",
        id="no sweep",
    ),
    pytest.param(
        seen(*GONE, active("broker", failing=50)), Kind.BROKER, State.STOPPED, None, 45,
        "Nothing has delivered since 10:12:00, and the broker has not answered since 10:11:55 "
        "(boom).", id="no broker",
    ),
    pytest.param(
        seen(*GONE, is_muted=True), Kind.BROKER, State.DELAYED, None, 0,
        "Nudges are muted, as this process runs tests.", id="muted",
    ),
    pytest.param(
        seen(active("broker", failing=5)), Kind.BROKER, State.DELAYED, None, 5,
        "The broker does not take nudges (boom): updates wait for the next sweep.",
        id="broker just failed",
    ),
    pytest.param(
        seen(active("supabase", failing=30), outage=OUTAGE, waiting=waits(25, 12)),
        Kind.SUPABASE, State.FAILING, None, 30,
        "Supabase does not answer (3 attempts failed, the next one is due at 10:13:05): Supabase "
        "cannot be reached. (12 updates of Skerry Bay Courier have waited up to 25 s.)",
        id="no Supabase",
    ),
    pytest.param(
        seen(active("cache", failing=9)), Kind.CACHE, State.FAILING, None, 9,
        "The throttle cache does not answer (boom): each process counts for itself.",
        id="no cache",
    ),
    pytest.param(
        seen(active("delivery", failing=9)), Kind.DELIVERY, State.FAILING, None, 9,
        "Delivery ends with an error each time: boom.", id="delivery raises",
    ),
    pytest.param(
        seen(waiting=waits(130, 1200)), Kind.BACKLOG, State.DELAYED, SITE, 130,
        "1,200 updates of Skerry Bay Courier have waited up to 2 min: delivery does not keep up.",
        id="backlog",
    ),
    pytest.param(
        seen(waiting=waits(25), held_up=held(retry_at=NOW, last_error="HTTP 409")),
        Kind.SITE, State.FAILING, SITE, 25,
        "1 update of Skerry Bay Courier has waited 25 s for another attempt at 10:12:45: HTTP 409",
        id="site held up",
    ),
    pytest.param(
        seen(
            active("mirror", failing=70), held_up=held(mirror_error="no such function"),
        ),
        Kind.MIRROR, State.FAILING, SITE, 70,
        "Supabase refuses Skerry Bay Courier and its API keys, and the site's updates wait for "
        "them: no such function", id="mirror refused",
    ),
    pytest.param(
        seen(dead={SITE: Dead(3, ago(600), "value too long")}),
        Kind.DEAD, State.FAILING, SITE, 600,
        "3 updates of Skerry Bay Courier are dead, refused permanently: value too long", id="dead",
    ),
    pytest.param(
        seen(active("cleanup", failing=100)), Kind.CLEANUP, State.FAILING, None, 100,
        "Cleanup has been failing since 10:11:05: boom", id="cleanup blocked",
    ),
    pytest.param(
        seen(active("cleanup", 4 * 3600, succeeded_at=ago(4 * 3600))),
        Kind.CLEANUP, State.DELAYED, None, 4 * 3600,
        "Cleanup has not run for 4 h.", id="cleanup late",
    ),
    pytest.param(
        seen(active("cleanup", 2, succeeded_at=ago(4 * 3600))),
        Kind.CLEANUP, State.DELAYED, None, 4 * 3600,
        "Cleanup does not keep up: it is running, and has not finished for 4 h.",
        id="cleanup does not keep up",
    ),
    pytest.param(
        seen(active("verify_rls", 3600, failing=3600)), Kind.ISOLATION, State.FAILING, None, 3600,
        "verify_rls found that sites are not isolated (09:12:45): boom", id="not isolated",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("observation", "kind", "state", "site_id", "since", "reason"), BROKEN)
def test_each_cause_is_one_problem(
    observation: Observation,
    kind: Kind,
    state: State,
    site_id: uuid.UUID | None,
    since: float,
    reason: str,
) -> None:
    [problem] = judged(observation)
    assert (problem.kind, problem.state, problem.site_id) == (kind, state, site_id)
    assert problem.reason == reason
    assert problem.since == ago(since)
    assert problem.remedy.endswith((".", "?"))


@pytest.mark.parametrize(
    "observation",
    [
        pytest.param(seen(), id="nothing waits"),
        pytest.param(seen(waiting=waits(14)), id="a young update"),
        pytest.param(
            seen(active("worker", active_since=ago(9)), active("delivery", 45), *SLEPT),
            id="a worker that has just come back",
        ),
        pytest.param(seen(active("worker", 300)), id="delivery by another road"),
        pytest.param(seen(active("delivery", 300)), id="a worker with nothing to do"),
        pytest.param(seen(active("broker", 600, failing=900)), id="an old report on the broker"),
        pytest.param(seen(held_up=held(acknowledged_version=1)), id="a key on its way"),
        pytest.param(
            seen(active("mirror", failing=70, detail={str(OTHER): "x"}), held_up=held()),
            id="a refusal of another site",
        ),
    ],
)
def test_what_is_no_problem(observation: Observation) -> None:
    assert judged(observation) == []


def test_settings_decide_what_is_late() -> None:
    late = seen(waiting=waits(30))
    assert judged(late)
    assert judged(late, delayed_after=timedelta(minutes=1)) == []
    assert judged(seen(*GONE), stopped_after=timedelta(minutes=2)) == []


def test_without_nudges_the_broker_is_not_asked_for() -> None:
    observation = seen(active("broker", failing=5))
    assert judged(observation)
    assert judged(observation, nudge=False) == []


@pytest.mark.parametrize(
    ("parts", "outage"),
    [pytest.param(GONE, None, id="stopped"), pytest.param([], OUTAGE, id="away")],
)
def test_backlog_is_part_of_its_cause(
    parts: list[Activity], outage: DeliveryCircuit | None
) -> None:
    [problem] = judged(seen(*parts, waiting=waits(500), outage=outage))
    assert "has waited 8 min" in problem.reason


def test_broker_and_cache_that_are_one_server_are_one_problem() -> None:
    [problem] = judged(seen(*GONE, active("broker", failing=9), active("cache", failing=9)))
    assert problem.kind is Kind.BROKER
    assert problem.reason.endswith("(boom). Neither does the throttle cache.")


def test_dead_updates_are_said_beside_what_stopped() -> None:
    problems = judged(seen(*GONE, dead={SITE: Dead(1, ago(9), "refused")}))
    assert [p.kind for p in ordered(problems)] == [Kind.DELIVERY, Kind.DEAD]


def test_many_sites_are_one_sentence() -> None:
    both = {**waits(30), OTHER: Waiting(2, ago(41))}
    [problem] = judged(seen(*GONE, waiting=both))
    assert problem.reason.startswith("3 updates of 2 sites have waited up to 41 s: nothing")


def test_what_was_not_counted_to_the_end_is_said_so() -> None:
    [problem] = judged(seen(waiting=waits(60, 2000), is_all_of_it=False))
    assert problem.reason.startswith("at least 2,000 updates of Skerry Bay Courier")


@pytest.fixture
def problem() -> Callable[..., Problem]:
    def make(state: State, seconds: float, site: uuid.UUID | None = None) -> Problem:
        return Problem(Kind.DEAD, state, ago(seconds), "reason", "remedy", "default", site)

    return make


def test_status_is_as_bad_as_its_worst_problem(problem: Callable[..., Problem]) -> None:
    problems = [problem(State.DELAYED, 99), problem(State.STOPPED, 5), problem(State.STOPPED, 9)]
    status = Status(NOW, ordered([*problems, problem(State.FAILING, 50)]))
    assert (status.state, status.since) == (State.STOPPED, ago(9))
    assert (Status(NOW).state, Status(NOW).since) == (State.OK, None)


def test_site_has_its_own_problems_and_those_of_all(problem: Callable[..., Problem]) -> None:
    own, others = problem(State.FAILING, 1, SITE), problem(State.FAILING, 2, OTHER)
    everybodys = problem(State.STOPPED, 3)
    status = Status(NOW, ordered([own, others, everybodys]))
    assert status.of_site(SITE, "default") == (everybodys, own)
    assert status.of_site(SITE, "other") == ()
