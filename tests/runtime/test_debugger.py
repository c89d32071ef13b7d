"""The debugger goes anywhere in a recorded run, forwards and backwards, shows what was there, and performs nothing."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from recorded_run import RecordedRun

from flowlang.errors import UsageError
from flowlang.lang.eval.evaluation import Completed
from flowlang.lang.values.display import repr_value
from flowlang.runtime.debugger.course import Halt, Moment
from flowlang.runtime.debugger.session import Session
from flowlang.runtime.debugger.stack import presented
from flowlang.runtime.journal.event import ActionCompleted, ActionScheduled, LogWritten, TaskStarted

SCRIPT = """def double(number):
    twice = number * 2
    return twice

def _part(fctx, number):
    total = 0
    for index in range(3):
        total += double(index)
    fctx.actions.shop.order("part", total + number)
    return total

part = flow(implementation = _part)

def _main(fctx):
    words = ["a", "b"]
    tasks = [fctx.actions.run(part, number) for number in range(2)]
    fctx.actions.log("both began")
    results = fctx.actions.wait(tasks)
    price = fctx.actions.shop.price("apple", 2)
    table = {word: price for word in words}
    words.append("c")
    return len(table) + len(words)

main = flow(implementation = _main)

if __name__ == "__flow__":
    main()
"""


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> RecordedRun:
    run = RecordedRun(tmp_path_factory.mktemp("recorded"), SCRIPT)
    run.start()
    return run


@pytest.fixture
def session(run: RecordedRun) -> Iterator[Session]:
    run.write(SCRIPT)
    with Session(run.recording(), run.build(), run.registry) as session:
        yield session


def seen(session: Session) -> tuple[object, ...]:
    """Where a session stands and all that can be seen there."""
    stack = session.stack()
    return (
        session.halt.moment, session.halt.event, session.halt.fiber,
        [(frame.module, frame.function, frame.line) for frame in stack],
        [{name: repr_value(presented(value)) for name, value in frame.locals().items()} for frame in stack],
        session.fibers(),
    )  # fmt: skip


def line(session: Session) -> int:
    return session.stack()[0].line


def every_moment(session: Session) -> list[tuple[object, ...]]:
    found = [seen(session)]
    while session.step().why != "end":
        found.append(seen(session))
    return found


def sequence_of(run: RecordedRun, kind: type, number: int = 0) -> int:
    return [record.sequence for record in run.recording().records if type(record.event) is kind][number]


def test_a_session_begins_at_the_first_line_and_ends_with_the_result(session: Session) -> None:
    assert (line(session), session.halt.moment) == (1, Moment(1))
    halt = session.goto_end()
    assert isinstance(halt.step, Completed)
    assert repr_value(halt.step.result) == "Ok(5)"


def test_nothing_is_performed_and_nothing_written(run: RecordedRun, session: Session) -> None:
    performed, records = len(run.shop.performed), run.recording().records
    every_moment(session)
    assert session.evaluate("double(3)", session.stack()[0] if session.stack() else None).problem is None
    session.goto(Moment(1))
    assert len(run.shop.performed) == performed
    assert run.recording().records == records


def test_steps_go_into_calls_and_next_goes_over_them(session: Session) -> None:
    session.break_at("main.flow", 8)
    session.resume()
    assert line(session) == 8
    assert [session.step() and line(session) for _ in range(4)] == [2, 3, 7, 8]
    session.next()
    assert line(session) == 7


def test_out_goes_to_the_caller(session: Session) -> None:
    session.break_at("main.flow", 3)
    session.resume()
    assert [frame.function for frame in session.stack()] == ["double", "_part"]
    session.remove(1)
    session.out()
    assert [(frame.function, frame.line) for frame in session.stack()] == [("_part", 7)]


def test_going_back_shows_what_was_there(session: Session) -> None:
    """Each moment that is reached backwards is the one that was passed forwards, to the last value."""
    forwards = every_moment(session)
    assert len(forwards) > 40
    backwards = []
    while session.halt.moment.lines > 1:
        session.step_back()
        backwards.append(seen(session))
    assert backwards == forwards[::-1]


def test_any_moment_can_be_gone_to_in_any_order(session: Session) -> None:
    forwards = every_moment(session)
    for index in (30, 5, 44, 1, 29, 30, 12):
        session.goto(Moment(index + 1))
        assert seen(session) == forwards[index]


def test_next_back_is_the_reverse_of_next(session: Session) -> None:
    session.break_at("main.flow", 7)
    session.resume()
    session.remove(1)
    session.next()
    session.next()
    places = [line(session), line(session) if session.next_back() else 0, line(session) if session.next_back() else 0]
    assert places == [7, 8, 7]


def test_breakpoints_hold_on_conditions_forwards_and_backwards(session: Session) -> None:
    session.break_at("main.flow", 2, "number == 2")
    first = session.resume()
    second = session.resume()
    assert (first.fiber, second.fiber) == ((0, 0), (0, 1))
    assert session.evaluate("number", session.stack()[0]).value == 2
    assert session.resume().why == "end"
    assert session.resume_back().moment == second.moment
    assert session.resume_back().moment == first.moment
    assert session.resume_back().moment == Moment(1)


def test_a_condition_that_cannot_be_evaluated_pauses_and_says_so(session: Session) -> None:
    session.break_at("main.flow", 2, "number / 0 > 1")
    session.resume()
    assert line(session) == 2
    assert session.problem is not None
    assert "division" in str(session.problem.problem)


@pytest.mark.parametrize(
    ("kind", "at_line"), [(ActionScheduled, 9), (ActionCompleted, 9), (TaskStarted, 16), (LogWritten, 17)]
)
def test_an_event_can_be_gone_to(run: RecordedRun, session: Session, kind: type, at_line: int) -> None:
    number = sequence_of(run, kind)
    for _ in range(2):  # from before it and from behind it
        halt = session.goto_event(number)
        assert (halt.why, halt.event, line(session)) == ("event", number, at_line)
        session.goto_end()


def test_a_breakpoint_on_an_event(run: RecordedRun, session: Session) -> None:
    number = sequence_of(run, ActionCompleted, 2)
    session.break_on(number)
    halt = session.resume()
    assert (halt.event, line(session)) == (number, 19)
    assert session.step_back().moment == Moment(halt.moment.lines)
    assert line(session) == 19


def test_all_fibers_can_be_looked_at(run: RecordedRun, session: Session) -> None:
    session.goto_event(sequence_of(run, ActionCompleted))
    assert session.fibers() == [(), (0, 0), (0, 1)]
    assert session.stack(())[0].line == 18
    assert {session.stack(path)[0].line for path in ((0, 0), (0, 1))} == {9}
    assert session.stack((0, 1))[0].locals()["total"] == 6


def test_lists_that_never_leave_their_function_are_shown_as_lists(session: Session) -> None:
    session.break_at("main.flow", 22)
    session.resume()
    frame = session.stack()[0]
    shown = {name: repr_value(presented(value)) for name, value in frame.locals().items()}
    assert (shown["words"], shown["table"]) == ('["a", "b", "c"]', '{"a": 51, "b": 51}')


EXPRESSIONS = {
    "total * 10 + number": "60",
    "double(total)": "12",
    "[index for index in range(total) if index % 2 == 0]": "[0, 2, 4]",
    'fctx.run_id + "!"': '"run!"',
    "fctx.args": "struct()",
    "part": "<flow part>",
    "len([total]) if total else None": "1",
}


@pytest.mark.parametrize("text", EXPRESSIONS)
def test_expressions_are_evaluated_in_the_frame(session: Session, text: str) -> None:
    session.break_at("main.flow", 9)
    session.resume()
    found = session.evaluate(text, session.stack()[0])
    assert (found.problem, repr_value(found.value)) == (None, EXPRESSIONS[text])


PROBLEMS = {
    "nothing_of_that_name": "not defined",
    "total +": "",
    "1 // (total - total)": "division-by-zero",
    'fctx.actions.shop.order("x", 1)': "cannot act",
    "fctx.actions.sleep(1)": "cannot act",
    "[x for x in range(100000000000)]": "budget",
    "x = 1": "",
    "1)\ny = (2": "",
}


@pytest.mark.parametrize("text", PROBLEMS)
def test_expressions_that_are_wrong_or_would_act_are_refused(run: RecordedRun, session: Session, text: str) -> None:
    session.break_at("main.flow", 9)
    session.resume()
    before, performed = seen(session), len(run.shop.performed)
    found = session.evaluate(text, session.stack()[0])
    assert found.problem is not None
    assert PROBLEMS[text] in found.problem
    assert (seen(session), len(run.shop.performed)) == (before, performed)


def test_an_expression_changes_nothing_of_the_run(session: Session) -> None:
    session.break_at("main.flow", 17)
    session.resume()
    before = seen(session)
    for text in ('words.append("z")', "words.clear()", "double(1)", "tasks.append(tasks)"):
        session.evaluate(text, session.stack()[0])
        assert seen(session) == before
    session.remove(1)
    halt = session.goto_end()
    assert isinstance(halt.step, Completed)
    assert repr_value(halt.step.result) == "Ok(5)"


def test_code_that_diverges_can_be_debugged_up_to_there(run: RecordedRun) -> None:
    run.write(SCRIPT.replace('"apple", 2', '"pear", 2'))
    with Session(run.recording(), run.build(), run.registry) as session:
        halt: Halt = session.goto_end()
        assert halt.divergence is not None
        assert halt.divergence.sequence == sequence_of(run, ActionScheduled, 2)
        session.step_back()
        assert line(session) == 19


@pytest.mark.parametrize(
    ("place", "hint"),
    [(("main.flow", 4), "the next line with code is 5"), (("x.flow", 1), "its modules are main.flow")],
)
def test_breakpoints_where_no_code_is_are_refused(session: Session, place: tuple[str, int], hint: str) -> None:
    with pytest.raises(UsageError) as refused:
        session.break_at(*place)
    assert str(refused.value.hint).startswith(hint)
    assert session.breakpoints == []


def test_long_runs_are_gone_back_in_without_tracing_all_of_them(tmp_path: Path) -> None:
    """What was passed once is passed again at the speed of a replay: only the last turn is traced."""
    script = """def _main(fctx):
    total = 0
    for number in range(300):
        for inner in range(20):
            total += inner
        fctx.actions.shop.stock("x", number)
    return total
main = flow(implementation = _main)
if __name__ == "__flow__":
    main()
"""
    run = RecordedRun(tmp_path, script)
    run.start()
    with Session(run.recording(), run.build(), run.registry) as session:
        end = session.goto_end().moment
        halt = session.step_back(2)
        assert halt.moment == Moment(end.lines - 2)
        assert session.traced_lines < 100
        assert session.evaluate("number", session.stack()[0]).value == 299
