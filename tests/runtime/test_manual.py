"""Driving runs by hand: tokens, takeovers, lost answers, rewinding."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from flowlang.errors import LeaseLost, RunAlreadyExists, RunEnded, RunError
from flowlang.lang.values.canonical import decode
from flowlang.lang.values.convert import to_host
from flowlang.runtime.journal.event import RunCompleted
from flowlang.runtime.journal.journal import Journal
from flowlang.runtime.journal.memory import MemoryJournal
from flowlang.runtime.journal.model import Claim, Placement, RunStatus
from flowlang.runtime.journal.sql import SqlJournal
from flowlang.runtime.manual import ManualDriver
from flowlang.testing.clock import VirtualClock

QUEUES = ["billing"]
HOUR_MS = 3_600_000


@pytest.fixture
def clock() -> VirtualClock:
    return VirtualClock(jumps=False)


@pytest.fixture(params=["memory", "sqlite"])
def journal(request: pytest.FixtureRequest, tmp_path: Path, clock: VirtualClock) -> Iterator[Journal]:
    made: Journal = MemoryJournal(clock) if request.param == "memory" else SqlJournal(tmp_path / "j.db", clock=clock)
    yield made
    made.close()


@pytest.fixture
def driver(journal: Journal, clock: VirtualClock) -> ManualDriver:
    made = ManualDriver(journal, clock)
    made.create("a", "charge", {"cents": 5}, queue="billing")
    return made


def claim(driver: ManualDriver) -> Claim:
    (found,) = driver.claim_due(queues=QUEUES)
    return found


def endings(journal: Journal) -> int:
    return sum(isinstance(record.event, RunCompleted) for record in journal.read("a"))


def test_claiming_and_completing(driver: ManualDriver, journal: Journal) -> None:
    held = claim(driver)
    assert driver.arguments(held) == {"cents": 5}
    assert driver.claim_due(queues=QUEUES) == []
    driver.complete(held, {"paid": True})
    assert journal.run("a").status is RunStatus.COMPLETED
    last = journal.read("a")[-1].event
    assert isinstance(last, RunCompleted)
    assert to_host(decode(last.payload)).value == {"paid": True}


def test_creating_twice(driver: ManualDriver) -> None:
    with pytest.raises(RunAlreadyExists):
        driver.create("a", "charge", {"cents": 5}, queue="billing")
    assert not driver.create("a", "charge", {"cents": 5}, queue="billing", idempotent=True)
    with pytest.raises(RunAlreadyExists):
        driver.create("a", "charge", {"cents": 6}, queue="billing", idempotent=True)


def test_starting_with_a_claim(driver: ManualDriver, journal: Journal, clock: VirtualClock) -> None:
    held = driver.start_and_claim("b", "charge", [1], queue="billing")
    assert [each.run.run_id for each in ManualDriver(journal, clock).claim_due(queues=QUEUES, limit=9)] == ["a"]
    assert driver.arguments(held) == [1]
    driver.complete(driver.record_step(held, "one"))
    with pytest.raises(RunAlreadyExists):
        driver.start_and_claim("b", "charge", [1], queue="billing")


def test_a_run_is_claimed_when_it_is_due_and_not_before(driver: ManualDriver, clock: VirtualClock) -> None:
    claim(driver)
    placement = Placement(queue="billing", start_at_ms=clock.now_ms() + 1000)
    driver.create("later", "charge", queue="billing", placement=placement)
    clock.advance(999)
    assert driver.claim_due(queues=QUEUES) == []
    clock.advance(1)
    assert claim(driver).run.run_id == "later"


def test_a_command_given_again_writes_nothing(driver: ManualDriver, journal: Journal) -> None:
    """Its answer may have been lost; a different command is another matter."""
    held = claim(driver)
    driver.complete(held, 1)
    driver.complete(held, 1)
    assert endings(journal) == 1
    with pytest.raises(RunEnded):
        driver.complete(held, 2)
    with pytest.raises(RunEnded):
        driver.fail(held, "broken", "it broke")
    assert endings(journal) == 1


def test_a_claim_that_was_taken_over_is_refused(driver: ManualDriver, journal: Journal, clock: VirtualClock) -> None:
    old = claim(driver)
    clock.advance(HOUR_MS)
    other = ManualDriver(journal, clock)
    (new,) = other.claim_due(queues=QUEUES)
    assert new.lease.token == old.lease.token + 1
    for command in (lambda: driver.extend(old), lambda: driver.complete(old), lambda: driver.hand_back(old)):
        with pytest.raises(LeaseLost):
            command()
    other.complete(new, "done")
    with pytest.raises((LeaseLost, RunEnded)):
        driver.complete(old, "done")
    assert endings(journal) == 1


def test_an_expired_claim_counts_until_it_is_taken_over(driver: ManualDriver, clock: VirtualClock) -> None:
    held = claim(driver)
    clock.advance(HOUR_MS)
    driver.complete(held)
    assert driver.journal.run("a").status is RunStatus.COMPLETED


def test_extending_keeps_a_run_from_being_reclaimed(
    driver: ManualDriver, journal: Journal, clock: VirtualClock
) -> None:
    held = claim(driver)
    other = ManualDriver(journal, clock)
    for _ in range(10):
        clock.advance(20_000)
        driver.extend(held)
        assert other.reclaim(queues=QUEUES) == []
    clock.advance(HOUR_MS)
    assert [run.run_id for run in other.stuck(older_than=timedelta(minutes=50))] == ["a"]
    assert other.stuck(older_than=timedelta(hours=2)) == []
    assert other.reclaim(queues=["other"]) == []
    (taken,) = other.reclaim(queues=QUEUES)
    assert taken.lease.token == held.lease.token + 1


def test_handing_back(driver: ManualDriver, clock: VirtualClock) -> None:
    held = claim(driver)
    driver.hand_back(held, delay=timedelta(seconds=5))
    assert driver.claim_due(queues=QUEUES) == []
    clock.advance(5000)
    driver.hand_back(claim(driver))
    assert claim(driver).run.run_id == "a"


def test_failing_and_rewinding(driver: ManualDriver, journal: Journal) -> None:
    held = claim(driver)
    driver.fail(held, "no-money", "the card is empty", data={"cents": 5})
    assert journal.run("a").status is RunStatus.FAILED
    with pytest.raises(RunError, match="is failed, not completed"):
        driver.rewind("a", 1, expected=RunStatus.COMPLETED)
    driver.rewind("a", 1, expected=RunStatus.FAILED, reason="a new card")
    again = claim(driver)
    assert again.lease.token > held.lease.token
    with pytest.raises(LeaseLost):
        driver.complete(held)
    driver.complete(again)
    assert endings(journal) == 2


def test_steps_survive_whoever_did_them(driver: ManualDriver, journal: Journal, clock: VirtualClock) -> None:
    held = claim(driver)
    after = driver.record_step(held, "reserve", {"shelf": 3})
    assert driver.record_step(held, "reserve", {"shelf": 3}) == after
    with pytest.raises(LeaseLost):
        driver.record_step(held, "reserve", {"shelf": 4})
    after = driver.record_step(after, "charge")
    clock.advance(HOUR_MS)
    other = ManualDriver(journal, clock)
    (taken,) = other.claim_due(queues=QUEUES)
    assert other.steps("a") == [("reserve", {"shelf": 3}), ("charge", None)]
    with pytest.raises(LeaseLost):
        driver.record_step(after, "ship")
    other.complete(other.record_step(taken, "ship"))
    other.rewind("a", journal.read("a")[2].sequence)
    assert other.steps("a") == [("reserve", {"shelf": 3})]
