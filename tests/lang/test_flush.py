"""A script that computes for long gives out its lines in between, and nothing else changes."""

from __future__ import annotations

from flowlang.lang.eval.command import LogLine
from flowlang.lang.eval.evaluation import Completed, Entry, Evaluation, Suspended
from flowlang.lang.interpreter import UNIVERSE, build
from flowlang.lang.values.result import Ok
from flowlang.loaders import MappingLoader, source_reader
from flowlang.runtime.action import ActionRegistry
from flowlang.runtime.catalog import Catalog

SCRIPT = """
for part in range(3):
    print("part", part)
"""


def evaluation_of(text: str) -> Evaluation:
    built = build("main.flow", source_reader(MappingLoader({"main.flow": text})), ())
    assert not built.has_errors
    catalog = Catalog(ActionRegistry(()))
    return Evaluation(built.programs, (), Entry("main.flow"), universe=UNIVERSE, catalog=catalog)


def lines_of(step: Suspended | Completed) -> list[str]:
    return [item.text for item in step.said if isinstance(item, LogLine)]


def test_a_due_flush_ends_the_step_at_the_next_line() -> None:
    evaluation = evaluation_of(SCRIPT)
    evaluation.may_flush = evaluation.is_flush_due = True
    step = evaluation.start()
    assert isinstance(step, Suspended)
    assert lines_of(step) == ["part 0"]
    assert evaluation.is_ready
    assert evaluation.waiting == set()
    step = evaluation.resume(())
    assert isinstance(step, Completed)
    assert lines_of(step) == ["part 1", "part 2"]
    assert type(step.result) is Ok


def test_nothing_is_flushed_while_that_is_not_allowed() -> None:
    evaluation = evaluation_of(SCRIPT)
    evaluation.is_flush_due = True
    step = evaluation.start()
    assert isinstance(step, Completed)
    assert lines_of(step) == ["part 0", "part 1", "part 2"]


def test_a_flushed_script_takes_the_same_steps() -> None:
    plain, flushed = evaluation_of(SCRIPT), evaluation_of(SCRIPT)
    plain.start()
    flushed.may_flush = flushed.is_flush_due = True
    flushed.start()
    flushed.resume(())
    assert plain.total_steps == flushed.total_steps
