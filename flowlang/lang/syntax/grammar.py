"""From `grammar.lark` to the LALR table, and the table's saved form.

Lark reads the grammar and computes the table; it takes far too long for every start, so the table is saved beside
the grammar as JSON (data only: nothing in it can run) together with the digest of the grammar and Lark's version.
Whoever edits the grammar runs

    python -m flowlang.lang.syntax.grammar

A table whose digest does not fit the grammar is never used: it is computed again in memory, and only then is Lark
imported.

The saved form, with terminals given by their text and everything else by number:

- `rules`: for each production [nonterminal, builder's name or null, number of symbols, places, operator]. `places` is
  null, or says for every parameter of the builder which symbol it gets (-1: None, an optional part that is not
  there). `operator` is the first token with a fixed text among the first two symbols: the operator of `a op b` and
  of `op a`.
- `states`: for each state three lists: [terminal, state, ...] to shift, [rule, [terminal, ...], ...] to reduce and
  [nonterminal, state, ...] to go to.
- `start` and `end`: the first state, and the one after the whole file, where only the end of the text may follow.
"""

from __future__ import annotations

import hashlib
import json
import pkgutil
from functools import cache
from typing import Any

import attrs

GRAMMAR_NAME = "grammar.lark"
TABLE_NAME = "table.json"
START_SYMBOL = "file"


@attrs.frozen
class TableRule:
    """One production; see the module's docstring for the fields."""

    nonterminal: int
    builder: str | None
    count: int
    places: tuple[int, ...] | None
    operator: str | None


@attrs.frozen
class TableState:
    """One state: what to shift, what to reduce and where to go after a reduction."""

    shifts: dict[str, int]
    reductions: dict[str, int]
    gotos: dict[int, int]


@attrs.frozen
class Table:
    """The LALR(1) table. `nonterminals` are their names, for people and for the parser's recovery."""

    nonterminals: tuple[str, ...]
    rules: tuple[TableRule, ...]
    states: tuple[TableState, ...]
    start: int
    end: int


@cache
def load_table() -> Table:
    """The table of the grammar: the saved one, or a new one when the grammar has changed since."""
    grammar = _read(GRAMMAR_NAME)
    try:
        saved = json.loads(_read(TABLE_NAME))
    except (FileNotFoundError, ValueError):
        saved = {}
    if saved.get("grammar") != grammar_digest(grammar):
        saved = build_table(grammar)
    return _decode(saved)


def grammar_digest(grammar: str) -> str:
    """What a saved table must agree with."""
    return hashlib.sha256(grammar.encode()).hexdigest()


def _read(name: str) -> str:
    """A file of this package, also from a zip archive. (`importlib.resources` would triple the time to start.)"""
    data = pkgutil.get_data("flowlang.lang.syntax", name)
    if data is None:
        raise FileNotFoundError(name)
    return data.decode().replace("\r\n", "\n")


def build_table(grammar: str) -> dict[str, Any]:
    """Computes the table's saved form with Lark. A conflict in the grammar raises Lark's `GrammarError`."""
    import lark
    from lark.common import ParserConf
    from lark.load_grammar import load_grammar
    from lark.parsers.lalr_analysis import LALR_Analyzer, Shift

    loaded, _files = load_grammar(grammar, GRAMMAR_NAME, [], global_keep_all_tokens=True)  # type: ignore[no-untyped-call]
    terminals, grammar_rules, _ignored = loaded.compile([START_SYMBOL], "*")
    analyzer = LALR_Analyzer(ParserConf(grammar_rules, {}, [START_SYMBOL]), strict=True)
    analyzer.compute_lalr()  # type: ignore[no-untyped-call]
    table: Any = analyzer.parse_table
    texts = {terminal.name: terminal.pattern.value for terminal in terminals if terminal.pattern is not None}
    nonterminals = sorted({str(rule.origin.name) for rule in grammar_rules})
    number = {name: index for index, name in enumerate(nonterminals)}
    rule_number = {rule: index for index, rule in enumerate(grammar_rules)}
    order = _canonical_order(table)
    return {
        "lark": lark.__version__,
        "grammar": grammar_digest(grammar),
        "nonterminals": nonterminals,
        "rules": [_encode_rule(rule, number, texts) for rule in grammar_rules],
        "states": [
            _encode_state(
                [
                    (symbol, action is Shift, order[argument] if action is Shift else rule_number[argument])
                    for symbol, (action, argument) in sorted(table.states[state].items())
                ],
                number,
                texts,
            )
            for state in order
        ],
        "start": order[table.start_states[START_SYMBOL]],
        "end": order[table.end_states[START_SYMBOL]],
    }


def _canonical_order(table: Any) -> dict[int, int]:
    """New numbers for the states, in the order in which they are reached: Lark's own depend on hashes of texts."""
    from lark.parsers.lalr_analysis import Shift

    order = {state: number for number, state in enumerate(table.start_states.values())}
    queue = list(order)
    for state in queue:
        for _symbol, (action, argument) in sorted(table.states[state].items()):
            if action is Shift and argument not in order:
                order[argument] = len(order)
                queue.append(argument)
    return order


def _encode_state(actions: list[tuple[str, bool, int]], number: dict[str, int], texts: dict[str, str]) -> list[Any]:
    shifts: list[Any] = []
    gotos: list[Any] = []
    reductions: dict[int, list[str]] = {}
    for symbol, is_shift, argument in actions:
        if symbol in number:
            gotos += [number[symbol], argument]
        elif is_shift:
            shifts += [texts.get(symbol, symbol), argument]
        else:
            reductions.setdefault(argument, []).append(texts.get(symbol, symbol))
    return [shifts, [part for pair in reductions.items() for part in pair], gotos]


def _encode_rule(rule: Any, number: dict[str, int], texts: dict[str, str]) -> list[Any]:
    places = None
    if any(rule.options.empty_indices):
        places = []
        place = 0
        for is_empty in rule.options.empty_indices:
            places.append(-1 if is_empty else place)
            place += not is_empty
    operators = [texts[symbol.name] for symbol in rule.expansion[:2] if symbol.name in texts]
    builder = None if rule.alias is None else str(rule.alias)
    return [number[rule.origin.name], builder, len(rule.expansion), places, operators[0] if operators else None]


def _decode(saved: dict[str, Any]) -> Table:
    states = []
    for shifts, reductions, gotos in saved["states"]:
        reduction_of = {
            terminal: rule
            for rule, terminals in zip(reductions[::2], reductions[1::2], strict=True)
            for terminal in terminals
        }
        states.append(
            TableState(
                dict(zip(shifts[::2], shifts[1::2], strict=True)),
                reduction_of,
                dict(zip(gotos[::2], gotos[1::2], strict=True)),
            )
        )
    rules = [
        TableRule(nonterminal, builder, count, None if places is None else tuple(places), operator)
        for nonterminal, builder, count, places, operator in saved["rules"]
    ]
    return Table(tuple(saved["nonterminals"]), tuple(rules), tuple(states), saved["start"], saved["end"])


def saved_text(grammar: str) -> str:
    """The text of the saved table: one state or rule a line, so that a change of the grammar can be reviewed."""
    lines = []
    for key, value in build_table(grammar).items():
        if isinstance(value, list):
            items = ",\n".join(json.dumps(item, separators=(",", ":")) for item in value)
            lines.append(f"{json.dumps(key)}:[\n{items}\n]")
        else:
            lines.append(f"{json.dumps(key)}:{json.dumps(value)}")
    return "{\n" + ",\n".join(lines) + "\n}\n"


def main() -> None:
    """Writes the table beside the grammar."""
    path = __file__.removesuffix("grammar.py") + TABLE_NAME
    with open(path, "w", encoding="utf-8", newline="\n") as file:
        file.write(saved_text(_read(GRAMMAR_NAME)))
    print(f"wrote {path}")


if __name__ == "__main__":
    main()
