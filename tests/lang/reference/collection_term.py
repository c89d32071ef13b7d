"""Generated expressions about collections: dicts, sets, ranges and structs."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from reference.term import Names, Terms

SET_METHODS = ("union", "difference", "intersection", "symmetric_difference")
SET_QUESTIONS = ("issubset", "issuperset", "isdisjoint")


def dict_term(terms: Terms, names: Names, depth: int) -> str:
    """A dict to ints."""
    choices, sub = terms.choices, terms.expression
    is_shared = terms.vocabulary.is_shared
    key = choices.pick(("str", "int") if is_shared else ("str", "int", "bool", "float", "tuple", "bytes"))
    match choices.below(6):
        case 0:
            entries = [f"{sub(key, names, depth)}: {sub('int', names, depth)}" for _ in range(choices.between(0, 3))]
            return f"{{{', '.join(entries)}}}"
        case 1 | 2:
            return terms.comprehension("int", names, depth, key=key)
        case 3:
            return f"dict({sub('dict', names, depth)})"
        case 4 if not is_shared:
            return f"dict([({sub(key, names, depth)}, {sub('int', names, depth)})], k = {sub('int', names, 0)})"
        case _:
            return f"({sub('dict', names, depth)} | {sub('dict', names, depth)})"


def set_term(terms: Terms, names: Names, depth: int) -> str:
    """A set."""
    choices, sub = terms.choices, terms.expression
    match choices.below(4):
        case 0 | 1:
            return terms.operation("set", list(terms.vocabulary.set_operators), names, depth)
        case 2:
            other = sub(choices.pick(("set", "list", "strings")), names, depth)
            return f"({sub('set', names, depth)}).{choices.pick(SET_METHODS)}({other})"
        case _:
            return f"set({sub(choices.pick(('list', 'strings', 'tuple', 'dict')), names, depth)})"


def set_question_term(terms: Terms, names: Names, depth: int) -> str:
    """A bool about sets and the like."""
    choices, sub = terms.choices, terms.expression
    other = sub(choices.pick(("set", "list")), names, depth)
    return choices.pick((
        f"({sub('set', names, depth)}).{choices.pick(SET_QUESTIONS)}({other})",
        f"({sub('int', names, depth)} in {sub(choices.pick(('range', 'set', 'bytes')), names, depth)})",
        f"({sub('set', names, depth)} {choices.pick(('<', '<=', '==', '!='))} {sub('set', names, depth)})",
        f"({sub('range', names, depth)} == {sub('range', names, depth)})",
        f"hasattr({sub('struct', names, depth)}, {sub('str', names, 0)})",
        f"({sub('struct', names, depth)} == {sub('struct', names, depth)})",
        f"{choices.pick(('all', 'any'))}({sub('list', names, depth)})",
    ))  # fmt: skip


def range_term(terms: Terms, names: Names, depth: int) -> str:
    """A range that is not long."""
    choices, sub = terms.choices, terms.expression
    start = sub("int", names, min(depth, 1))
    return choices.pick((
        f"range({start} & 7)", f"range({choices.between(0, 5)})", f"range({start}, {choices.between(0, 3)}, 1)[:9]",
        f"range({start} & 3, {choices.between(0, 9)}, {choices.pick(('1', '2', '-1', '-3'))})",
        f"{sub('range', names, depth)}[{terms.slice(names)}]",
    ))  # fmt: skip


def struct_term(terms: Terms, names: Names, depth: int) -> str:
    """A struct with the fields `p` and `q`, as a rule."""
    choices, sub = terms.choices, terms.expression
    fields = f"p = {sub('int', names, depth)}, q = {sub(choices.pick(('str', 'list', 'function')), names, depth)}"
    if choices.chance(20):
        return f"({sub('struct', names, depth)} + struct(p = {sub('int', names, depth)}))"
    return f"struct({fields})"


def element_term(terms: Terms, names: Names, depth: int) -> str:
    """An int from inside of something."""
    choices, sub = terms.choices, terms.expression
    if terms.vocabulary.is_shared:
        return f"len({sub('dict', names, depth)})"
    return choices.pick((
        f"({sub('struct', names, depth)}).p", f'getattr({sub("struct", names, depth)}, "p", {sub("int", names, 0)})',
        f"({sub('range', names, depth)} or [1])[-1]", f"sorted({sub('dict', names, depth)}.values())[0]",
        f"({sub('list', names, depth)}).index({sub('int', names, 0)})",
        f"{choices.pick(('max', 'min'))}({sub('list', names, depth)}, key = {sub('function', names, depth)})",
        f"{sub('dict', names, depth)}[{sub('str', names, depth)}]", f"abs({sub('int', names, depth)})",
    ))  # fmt: skip


def list_term(terms: Terms, names: Names, depth: int) -> str:
    """A list of ints made by builtins."""
    choices, sub = terms.choices, terms.expression
    if terms.vocabulary.is_shared:
        return f"sorted({sub('list', names, depth)}, key = lambda u: -u)"
    items = sub("list", names, depth)
    return choices.pick((
        f"sorted({items}, key = {sub('function', names, depth)}, reverse = {sub('bool', names, 0)})",
        f"reversed({sub(choices.pick(('list', 'range', 'tuple')), names, depth)})",
        f"list({sub('range', names, depth)})",
        f"{sub('dict', names, depth)}.values()", f"[u[1] for u in {sub('dict', names, depth)}.items()]",
        f"[u + v for u, v in zip({sub('list', names, depth)}, {sub('range', names, depth)})]",
        f"list({sub('str', names, depth)}.elem_ords())", f"list({sub('bytes', names, depth)}.elems())",
        f"[u for u in {sub('set', names, depth)}]", f"list({sub('tuple', names, depth)})",
    ))  # fmt: skip
