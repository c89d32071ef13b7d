"""The table as the parser runs it: rows that link to each other, with the ladder of precedence taken out.

An expression grammar reduces a lone `x` through a dozen productions of one symbol (atom, primary, factor, ... test)
that do nothing. Skipping them when the tree is built does not help, since the table still has to walk them. So they
are removed from the automaton itself: where state `s` goes to `t` on a symbol, and `t` would pass the symbol on as
some `B` for the next token, the parser goes at once to a *merged* row that does for that token what the state after
`B` does. The chain of such steps is worked out once for each pair of state and symbol, when it is first met.

Why that is sound. All states of one chain stand at the same height of the stack, above the same `s`, so any of their
reductions pops the same symbols. The only danger is a nonterminal that two states of a chain go on differently with;
this grammar has none (no symbol matches the empty text, and after an operand only tokens follow), and `_merge`
checks it.

A row is a plain dict, which is as fast as Python gets: token kinds (from 0) map to the next row (shift), to a tuple
(count, nonterminal, rule) to reduce, or to `ACCEPT`; nonterminals (negative) map to the next row. Where a row has not
been needed yet there stands its number, and `Automaton.complete` puts the row in its place. Rows are shared by all
parsers; two threads that complete the same row put equal rows in its place, so nothing has to be guarded.
"""

from __future__ import annotations

from functools import cache
from typing import Any, Final, TypeAlias

import attrs

from flowlang.lang.syntax.grammar import Table, TableRule, load_table
from flowlang.lang.syntax.token import END, KIND_OF

Row: TypeAlias = dict[int, Any]
Reduction: TypeAlias = tuple[int, int, int]

ACCEPT: Final = True


@attrs.define(eq=False)
class Automaton:
    """The rows of one table. `start` is the row to begin with, `compound` and `simple` are the nonterminals that
    the parser looks for when it recovers from an error."""

    rules: tuple[TableRule, ...]
    rows: list[Row]
    start: Row
    simple: int
    compound: int

    @classmethod
    def from_table(cls, table: Table) -> Automaton:
        """Translates the table: terminals to kinds, nonterminals to negative numbers."""
        reductions = [(rule.count, ~rule.nonterminal, number) for number, rule in enumerate(table.rules)]
        rows: list[Row] = []
        for state in table.states:
            row: Row = {KIND_OF[text]: target for text, target in state.shifts.items()}
            row.update((KIND_OF[text], reductions[rule]) for text, rule in state.reductions.items())
            row.update((~nonterminal, target) for nonterminal, target in state.gotos.items())
            rows.append(row)
        rows[table.end][END] = ACCEPT
        names = table.nonterminals
        return cls(
            table.rules, rows, rows[table.start], simple=~names.index("simple"), compound=~names.index("compound")
        )

    def complete(self, base: Row, symbol: int) -> Row:
        """The row after `symbol` (a kind or a nonterminal) on top of `base`, which keeps it from now on."""
        found = base[symbol]
        if isinstance(found, dict):
            return found
        row = self.rows[found]
        origins = {action[1] for action in row.values() if self._passes_on(action)}
        for origin in sorted(origins):
            row = self._merge(row, origin, self.complete(base, origin))
        base[symbol] = row
        return row

    def _merge(self, row: Row, origin: int, upper: Row) -> Row:
        """`row` with what it passes on as `origin` replaced by what `upper`, the row after `origin`, does."""
        merged: Row = {}
        for symbol, action in row.items():
            if self._passes_on(action) and action[1] == origin:
                if symbol in upper:
                    merged[symbol] = upper[symbol]
            else:
                merged[symbol] = action
        for symbol, target in upper.items():
            if symbol < 0:
                assert symbol not in merged, "two states of a chain go on with the same nonterminal"
                merged[symbol] = target
        is_upper = len(merged) == len(upper) and all(upper.get(symbol) is target for symbol, target in merged.items())
        return upper if is_upper else merged

    def _passes_on(self, action: Any) -> bool:
        return isinstance(action, tuple) and action[0] == 1 and self.rules[action[2]].builder is None


@cache
def load_automaton() -> Automaton:
    """The automaton of the language, made at the first use."""
    return Automaton.from_table(load_table())
