"""The saved table belongs to the grammar, and its rules to the builder."""

from __future__ import annotations

import inspect
import re
from pathlib import Path

import lark
import pytest

from flowlang.lang.source import SourceFile
from flowlang.lang.syntax import grammar
from flowlang.lang.syntax.automaton import Automaton
from flowlang.lang.syntax.builder import Builder
from flowlang.lang.syntax.parser import parse
from flowlang.lang.syntax.token import KIND_OF

PACKAGE = Path(grammar.__file__).parent
GRAMMAR = (PACKAGE / "grammar.lark").read_text(encoding="utf-8")


def test_the_saved_table_is_up_to_date() -> None:
    saved = (PACKAGE / "table.json").read_text(encoding="utf-8")
    assert grammar.grammar_digest(GRAMMAR) in saved, "run python -m flowlang.lang.syntax.grammar"
    if f'"lark":"{lark.__version__}"' in saved:
        assert grammar.saved_text(GRAMMAR) == saved


def test_a_table_that_does_not_fit_is_built_again(monkeypatch: pytest.MonkeyPatch) -> None:
    shorter = re.sub(r'\n    \| "pass" .*', "", GRAMMAR)
    texts = {"grammar.lark": shorter, "table.json": (PACKAGE / "table.json").read_text(encoding="utf-8")}
    with monkeypatch.context() as patch:
        patch.setattr(grammar, "_read", texts.__getitem__)
        table = grammar.load_table.__wrapped__()
    assert "pass_statement" not in {rule.builder for rule in table.rules}
    assert KIND_OF["pass"] not in Automaton.from_table(table).start
    assert KIND_OF["pass"] in Automaton.from_table(grammar.load_table()).start


def test_every_rule_has_its_method_and_every_method_its_rule() -> None:
    table = grammar.load_table()
    used = {rule.builder for rule in table.rules if rule.builder is not None}
    methods = {name for name, _ in inspect.getmembers(Builder, inspect.isfunction) if not name.startswith("_")}
    assert used == methods - {"methods"}


def test_the_lexer_knows_every_terminal() -> None:
    table = grammar.load_table()
    terminals = {text for state in table.states for text in (*state.shifts, *state.reductions)}
    assert terminals <= set(KIND_OF)
    assert {"NAME", "(", "def", "$END", "//="} <= terminals


def test_no_rule_matches_the_empty_text() -> None:
    assert all(rule.count > 0 for rule in grammar.load_table().rules)


def test_merged_rows_do_what_the_plain_ones_do() -> None:
    """Every reduction that only passes a value on is gone from the rows that a parse has used."""
    automaton = Automaton.from_table(grammar.load_table())
    row = automaton.complete(automaton.start, KIND_OF["NAME"])
    passing = [rule for rule, found in enumerate(automaton.rules) if found.builder is None and found.count == 1]
    assert not [action for action in row.values() if isinstance(action, tuple) and action[2] in passing]
    assert KIND_OF["+="] in row
    assert KIND_OF["NEWLINE"] in row
    assert parse(SourceFile("test.flow", "x"))[1] == []
