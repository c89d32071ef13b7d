"""Tokens of gates: nobody can make one up, each decides one gate of one run, once."""

from __future__ import annotations

import threading
from contextlib import closing
from pathlib import Path

import pytest
from cut_run import CutRun
from hypothesis import given
from hypothesis import strategies as st

from flowlang.errors import GateClosed, GateNotFound, UsageError
from flowlang.lang.values.canonical import encode
from flowlang.lang.values.convert import from_host
from flowlang.runtime.gate_token import decide_gate, make_token, opening_of, parse_token, verified_address
from flowlang.runtime.journal.event import GateOpened, LogWritten, Record, RunReset, RunStarted
from flowlang.runtime.journal.journal import RunStatus
from flowlang.runtime.message import TEXT_MAX, signal_message

ASKS = """
actions = current_flow().actions
gate = actions.gate("deploy", timeout = 1000)
print(gate.token)
print(actions.await_gate(gate))
"""
KEY = b"k" * 32


def asking(root: Path) -> tuple[CutRun, str]:
    """A run that was suspended after it had logged its token, and the token."""
    run = CutRun(root, ASKS)
    run.drive(cut=4)
    (token,) = run.lines
    return run, token


def test_a_token_decides_its_gate(tmp_path: Path) -> None:
    run, token = asking(tmp_path)
    with closing(run.journal()) as journal:
        address = decide_gate(journal, token, encode(5), by="ann", reason="ok", clock=run.clock)
    assert (address.run_id, address.position) == ("run", "0")
    assert run.to_the_end().status is RunStatus.COMPLETED
    assert run.lines[-1] == '{"payload": 5, "by": "ann", "reason": "ok", "at": 1.7e+09}'


def test_the_script_sees_the_same_token_after_a_resume(tmp_path: Path) -> None:
    run = CutRun(tmp_path, ASKS.replace("print(gate.token)", "sleep(1)\nprint(gate.token)"))
    run.drive(cut=3)
    run.drive(cut=4)
    (token,) = run.lines
    with closing(run.journal()) as journal:
        assert verified_address(journal, token).position == "0"
    lines = [record.event.text for record in run.records() if isinstance(record.event, LogWritten)]
    assert lines == [token]


def test_the_second_decision_is_refused(tmp_path: Path) -> None:
    run, token = asking(tmp_path)
    with closing(run.journal()) as journal:
        decide_gate(journal, token, clock=run.clock)
        with pytest.raises(GateClosed):
            decide_gate(journal, token, clock=run.clock)


def test_of_twenty_that_decide_at_once_one_is_accepted(tmp_path: Path) -> None:
    run, token = asking(tmp_path)
    begin, outcomes = threading.Barrier(20), []

    def decide(number: int) -> None:
        begin.wait()
        try:
            decide_gate(journal, token, encode(number), clock=run.clock)
        except GateClosed:
            outcomes.append(None)
        else:
            outcomes.append(number)

    with closing(run.journal()) as journal:
        threads = [threading.Thread(target=decide, args=(number,)) for number in range(20)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    (accepted,) = [number for number in outcomes if number is not None]
    assert len(outcomes) == 20
    assert run.to_the_end().status is RunStatus.COMPLETED
    assert f'"payload": {accepted},' in run.lines[-1]


def test_an_expired_gate_takes_no_decision(tmp_path: Path) -> None:
    run, token = asking(tmp_path)
    run.clock.advance(1_000_000)
    with closing(run.journal()) as journal, pytest.raises(GateClosed):
        decide_gate(journal, token, clock=run.clock)
    result = run.to_the_end().result
    assert result is not None
    assert result.failure.kind == "timeout"


def test_a_run_that_ended_takes_no_decision(tmp_path: Path) -> None:
    run = CutRun(tmp_path, 'print(current_flow().actions.gate("deploy").token)\n')
    run.to_the_end()
    with closing(run.journal()) as journal, pytest.raises(GateClosed):
        decide_gate(journal, run.lines[0], clock=run.clock)


def test_no_other_text_decides(tmp_path: Path) -> None:
    """Neither with any single character changed, nor for another run or gate, nor under another journal's key."""
    run, token = asking(tmp_path / "a")
    _, foreign = asking(tmp_path / "b")
    with closing(run.journal()) as journal:
        for index, character in enumerate(token):
            changed = token[:index] + ("A" if character != "A" else "B") + token[index + 1 :]
            with pytest.raises(GateNotFound):
                decide_gate(journal, changed, clock=run.clock)
        key_id, key = journal.key()
        for made in (
            foreign,
            make_token(key_id, b"x" * 32, "run", "0", "salt"),
            make_token(key_id, key, "run", "1", "salt"),
            make_token(key_id, key, "other", "0", "salt"),
            make_token(key_id, key, "run", "0", "salt"),
            make_token("nokey", key, "run", "0", "salt"),
            "",
            "flg1",
            token + ".x",
            token + "é",
            token * 20,
        ):
            with pytest.raises(GateNotFound):
                decide_gate(journal, made, clock=run.clock)
        decide_gate(journal, f" {token}\n", clock=run.clock)


def test_tokens_of_older_keys_stay_valid(tmp_path: Path) -> None:
    run, token = asking(tmp_path)
    with closing(run.journal()) as journal:
        assert journal.rotate_key() != parse_token(token).key_id
        assert decide_gate(journal, token, clock=run.clock).run_id == "run"


@given(st.text(max_size=40), st.lists(st.integers(0, 10**6), min_size=1, max_size=5))
def test_a_token_says_what_it_is_for(run_id: str, position: list[int]) -> None:
    place = ".".join(map(str, position))
    try:
        run_id.encode()
    except UnicodeEncodeError:
        return
    address = parse_token(make_token("k1", KEY, run_id, place, "salt"))
    assert (address.key_id, address.run_id, address.position) == ("k1", run_id, place)


@given(st.text(max_size=200) | st.text(alphabet="flg1.aA0-_=", max_size=60).map(lambda text: "flg1." + text))
def test_any_other_text_is_refused_in_one_way(text: str) -> None:
    try:
        address = parse_token(text)
    except GateNotFound:
        return
    assert text.strip().startswith(f"flg1.{address.key_id}.")


def test_a_reset_makes_tokens_of_what_it_undid_invalid() -> None:
    """Gates opened before it keep the salt that they had; those after it have a new one, also at the same position."""
    start = Record(1, 0, 1, RunStarted("main.flow", "", "code", b"{}", "old"))
    first = Record(2, 0, 1, GateOpened((0,), "a", None, "k1", None, b"null"))
    second = Record(3, 0, 1, GateOpened((1,), "b", None, "k1", None, b"null"))
    reset = Record(4, 0, 2, RunReset(2, "new", b"{}"))
    again = Record(5, 0, 3, GateOpened((1,), "b", None, "k1", None, b"null"))
    salts = [
        None if (found := opening_of(records, position)) is None else found.salt
        for records in ([start, first, second], [start, first, second, reset], [start, first, second, reset, again])
        for position in ("0", "1")
    ]
    assert salts == ["old", "old", "old", None, "old", "new"]


def test_what_no_script_could_send_is_refused(tmp_path: Path) -> None:
    run, token = asking(tmp_path)
    with closing(run.journal()) as journal, pytest.raises(UsageError):
        decide_gate(journal, token, by="a" * (TEXT_MAX + 1), clock=run.clock)
    for name, key in (("", ""), ("n" * 101, ""), ("n", "k" * 201)):
        with pytest.raises(UsageError):
            signal_message("run", name, encode(from_host(None)), key)
