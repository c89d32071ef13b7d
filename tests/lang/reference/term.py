"""Generated expressions: of a given kind, most of the time.

A scope knows what kind of value each name probably has, so most programs get far before they fail; some expressions
are of a kind that does not fit, which is what errors are made of.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import attrs

from reference.choice import Choices
from reference.collection_term import (
    dict_term,
    element_term,
    list_term,
    range_term,
    set_question_term,
    set_term,
    struct_term,
)
from reference.text_term import bytes_term, question_term, search_term, str_term, strings_term
from reference.vocabulary import Vocabulary

INNER_NAMES = ("p", "q", "i", "a", "x")
"""Names of lambdas' parameters and of comprehensions' targets; some of them are also names outside."""


@attrs.frozen
class Signature:
    """A generated function: its parameters, the kind it gives, and the `kinds` of its required arguments."""

    name: str
    parameters: tuple[str, ...]
    optional: tuple[str, ...]
    keyword_only: tuple[str, ...]
    has_rest: bool
    has_others: bool
    gives: str
    kinds: tuple[str, ...]


@attrs.define
class Names:
    """What a scope can see: the probable kind of each name, and functions. `own`: names bound in this scope."""

    kinds: dict[str, str] = attrs.field(factory=dict)
    functions: list[Signature] = attrs.field(factory=list)
    own: set[str] = attrs.field(factory=set)

    def inside(self, own: dict[str, str]) -> Names:
        """The scope of a function or comprehension in this one."""
        return Names({**self.kinds, **own}, list(self.functions), set(own))

    def of_kind(self, kind: str) -> list[str]:
        """Names that probably have a value of this kind."""
        return [name for name, found in self.kinds.items() if found == kind]


OTHER_MAKERS = {
    "str": str_term, "strings": strings_term, "bytes": bytes_term, "dict": dict_term, "set": set_term,
    "range": range_term, "struct": struct_term,
}  # fmt: skip


class Terms:
    """Generates expressions as text. Compound ones come in parentheses. `noted`: percents of expressions that are
    passed through the program's function `note`, which shows when they are evaluated."""

    def __init__(self, choices: Choices, vocabulary: Vocabulary) -> None:
        self.choices = choices
        self.vocabulary = vocabulary
        self.mistakes = choices.pick(vocabulary.mistakes)
        self.noted = 0
        self._makers: dict[str, Callable[[Names, int], str]] = {
            "int": self._int, "float": self._float, "bool": self._bool, "list": self._list, "lists": self._lists,
            "tuple": self._tuple, "none": self._none, "function": self._function,
        }  # fmt: skip
        self._makers.update({kind: partial(maker, self) for kind, maker in OTHER_MAKERS.items()})

    def kind(self) -> str:
        """Any kind."""
        return self.choices.pick(self.vocabulary.kinds)

    def expression(self, kind: str, names: Names, depth: int = 3) -> str:
        """An expression that is probably of a kind."""
        choices = self.choices
        if self.mistakes and choices.chance(self.mistakes):
            kind = self.kind()
        if self.noted and choices.chance(self.noted):
            return f"note({self.expression(kind, names, depth - 1)})"
        if depth <= 0 or not choices.spend() or choices.chance(25):
            known = names.of_kind(kind)
            if known and not choices.chance(30):
                return choices.pick(known)
            return self._leaf(kind)
        if choices.chance(25):
            return self._general(kind, names, depth - 1)
        return self._makers[kind](names, depth - 1)

    def _leaf(self, kind: str) -> str:
        choices, vocabulary = self.choices, self.vocabulary
        match kind:
            case "int":
                return choices.pick(vocabulary.ints)
            case "float":
                return choices.pick(vocabulary.floats)
            case "str":
                return choices.pick(vocabulary.strings)
            case "bool":
                return choices.pick(("True", "False"))
            case "list":
                return choices.pick(("[1, 2, 3]", "[0, 1]", "[]", "[3, 1, 2, 2]"))
            case "strings":
                return choices.pick(('["a", "b"]', '["abc"]', "[]"))
            case "lists":
                return choices.pick(("[[1], [2, 3]]", "[[]]"))
            case "tuple":
                return choices.pick(("(1, 2)", "(0, 0)"))
            case "dict":
                return choices.pick(('{"a": 1, "b": 2}', "{}", "{1: 2, 3: 4}"))
            case "set":
                return choices.pick(("set([1, 2])", "set()", "set([2, 3, True])"))
            case "bytes":
                return choices.pick(('b""', 'b"ab"', 'b"\\xff"'))
            case "range":
                return choices.pick(("range(3)", "range(0)", "range(5, 0, -2)"))
            case "struct":
                return choices.pick(("struct(p = 1, q = 2)", "struct()", 'struct(p = 0, q = "a")'))
            case "function":
                return choices.pick(("(lambda p: p)", "(lambda p, q = 2: p + q)", "(lambda *p: 0)"))
        return "None"

    def _general(self, kind: str, names: Names, depth: int) -> str:
        """What there is of every kind: choices, calls, closures."""
        choices = self.choices
        sub = self.expression
        match choices.below(6):
            case 0:
                test = sub("bool", names, depth)
                return f"({sub(kind, names, depth)} if {test} else {sub(kind, names, depth)})"
            case 1:
                return f"({sub(kind, names, depth)} {choices.pick(('or', 'and'))} {sub(kind, names, depth)})"
            case 2:
                found = [function for function in names.functions if function.gives == kind]
                return self.call(choices.pick(found), names, depth) if found else self._leaf(kind)
            case 3:
                parameter, other = choices.pick(INNER_NAMES), self.kind()
                body = sub(kind, names.inside({parameter: other}), depth)
                return f"(lambda {parameter}: {body})({sub(other, names, depth)})"
            case 4:
                return f"[{sub(kind, names, depth)}, {sub(kind, names, depth)}][{sub('int', names, 0)} & 1]"
            case _:
                parameter, other = choices.pick(INNER_NAMES), self.kind()
                default = sub(other, names, depth)
                body = sub(kind, names.inside({parameter: other}), depth)
                return f"(lambda {parameter} = {default}: {body})()"

    def call(self, function: Signature, names: Names, depth: int) -> str:
        """A call that probably fits."""
        choices = self.choices
        positional = [self.expression(kind, names, depth) for kind in function.kinds]
        keywords: list[str] = []
        if function.optional and choices.chance(50):
            if choices.chance(50) and not (function.has_rest or positional == []):
                positional.append(self.expression("int", names, depth))
            else:
                keywords.append(f"{choices.pick(function.optional)} = {self.expression('int', names, depth)}")
        elif positional and choices.chance(25):
            keywords.append(f"{function.parameters[-1]} = {positional.pop()}")
        keywords += [f"{name} = {self.expression('int', names, depth)}" for name in function.keyword_only]
        if function.has_others and choices.chance(50):
            keywords.append(f"other = {self.expression('int', names, depth)}")
        arguments = [*positional, *keywords]
        if function.has_rest and not keywords and choices.chance(60):
            arguments.append(f"*{self.expression('list', names, depth)}")
        if function.has_others and choices.chance(40):
            arguments.append('**{"more": ' + self.expression("int", names, depth) + "}")
        if self.mistakes and choices.chance(self.mistakes):
            arguments.insert(0, "1")
        return f"{function.name}({', '.join(arguments)})"

    def comprehension(self, kind: str, names: Names, depth: int, *, key: str = "") -> str:
        """A list comprehension of elements of a kind, or, with the kind of `key`, one for a dict."""
        choices = self.choices
        inner = names.inside({})
        clauses = []
        for position in range(1 + choices.chance(25)):
            scope = names if position == 0 else inner
            target, iterable, kinds = self.loop_source(scope, depth - 1, INNER_NAMES)
            inner.kinds.update(kinds)
            clauses.append(f"for {target} in {iterable}")
            if choices.chance(25):
                clauses.append(f"if {self.expression('bool', inner, depth - 1)}")
        element = self.expression(kind, inner, depth)
        if key:
            return f"{{{self.expression(key, inner, depth - 1)}: {element} {' '.join(clauses)}}}"
        return f"[{element} {' '.join(clauses)}]"

    def loop_source(self, names: Names, depth: int, pool: tuple[str, ...]) -> tuple[str, str, dict[str, str]]:
        """The target and the iterable of a loop, and what kinds the target's names get."""
        choices = self.choices
        name, other = choices.pick(pool), choices.pick(pool)
        if other == name:
            other = "j"
        sub = self.expression
        held = names.of_kind("list")
        if held and choices.chance(25):
            return name, choices.pick(held), {name: "int"}
        match choices.below(8):
            case 0 | 1:
                return name, f"range({choices.between(0, 4)})", {name: "int"}
            case 2:
                return name, f"range({sub('int', names, 0)} & 3, {choices.between(0, 5)})", {name: "int"}
            case 3:
                return name, sub("list", names, depth), {name: "int"}
            case 4:
                return name, sub("strings", names, depth), {name: "str"}
            case 5:
                return (
                    f"{name}, {other}",
                    f"enumerate(list({sub('strings', names, depth)}))",
                    {name: "int", other: "str"},
                )
            case 6:
                return f"({name}, {other})", f"[{sub('tuple', names, depth)}]", {name: "int", other: "int"}
            case _:
                return name, sub(choices.pick(("dict", "lists", "tuple")), names, depth), {name: "int"}

    def operation(self, kind: str, operators: tuple[str, ...] | list[str], names: Names, depth: int) -> str:
        """One operation with operands of a kind, or two."""
        terms = [self.expression(kind, names, depth)]
        for _ in range(1 + self.choices.chance(15)):
            terms += [self.choices.pick(operators), self.expression(kind, names, depth)]
        return f"({' '.join(terms)})"

    def _int(self, names: Names, depth: int) -> str:
        choices = self.choices
        sub = self.expression
        match choices.below(12):
            case 10:
                return search_term(self, names, depth)
            case 11:
                return element_term(self, names, depth)
            case 0 | 1 | 2:
                return self._calculation(names, depth)
            case 3:
                return f"({choices.pick(('-', '~', '+'))}{sub('int', names, depth)})"
            case 4:
                return f"len({sub(choices.pick(('list', 'str', 'dict', 'strings')), names, depth)})"
            case 5:
                return self._element(names, depth)
            case 6:
                key = sub(choices.pick(("str", "int")), names, depth)
                return f"({sub('dict', names, depth)}).get({key}, {sub('int', names, 0)})"
            case 7:
                return f"{choices.pick(('max', 'min'))}({sub('int', names, depth)}, {sub('int', names, depth)})"
            case 8:
                return f"{sub('function', names, depth)}({sub('int', names, depth)})"
            case _:
                return f"{sub('tuple', names, depth)}[{choices.pick(('0', '1', '-1'))}]"

    def _calculation(self, names: Names, depth: int) -> str:
        """An operation on ints; the right side of a shift or division fits, as a rule."""
        choices = self.choices
        operator = choices.pick(self.vocabulary.int_operators)
        if operator in ("<<", ">>", "//", "%") and not choices.chance(10):
            right = f"({self.expression('int', names, min(depth, 1))} & 7)"
            if operator in ("//", "%"):
                right = f"({right} + 1)"
            return f"({self.expression('int', names, depth)} {operator} {right})"
        return self.operation("int", [operator, "+", "-", "*"], names, depth)

    def _element(self, names: Names, depth: int) -> str:
        """An element of a list, which there is, as a rule."""
        items = self.expression("list", names, depth)
        if self.choices.chance(15):
            return f"{items}[{self.expression('int', names, min(depth, 1))}]"
        return f"({items} or [0, 1])[{self.choices.pick(('0', '-1'))}]"

    def _float(self, names: Names, depth: int) -> str:
        choices = self.choices
        sub = self.expression
        match choices.below(6):
            case 0 | 1:
                return self.operation("float", list(self.vocabulary.float_operators), names, depth)
            case 2:
                return f"({sub('int', names, depth)} {choices.pick(('+', '-', '*'))} {sub('float', names, depth)})"
            case 3:
                return f"({sub('int', names, depth)} / {sub('int', names, depth)})"
            case 4:
                return f"(-{sub('float', names, depth)})"
            case _:
                return f"float({sub('int', names, depth)})"

    def slice(self, names: Names) -> str:
        """The inside of the brackets of a slice."""
        parts = [self.expression("int", names, 0) if self.choices.chance(60) else "" for _ in range(2)]
        return ":".join(parts) + self.choices.pick(("", "", ":-1", ":2"))

    def _bool(self, names: Names, depth: int) -> str:
        choices, vocabulary = self.choices, self.vocabulary
        sub = self.expression
        match choices.below(8):
            case 0 | 1:
                kind = choices.pick(("int", "float", "str", "list"))
                return self._comparison(kind, kind, names, depth)
            case 2:
                kinds = ("int", "float") if vocabulary.is_shared else (self.kind(), self.kind())
                return self._comparison(*kinds, names, depth)
            case 3:
                return f"(not {sub('int' if vocabulary.is_shared else self.kind(), names, depth)})"
            case 4:
                pair = choices.pick(
                    (("int", "list"), ("str", "dict"), ("str", "strings"), ("str", "str"), ("int", "dict"))
                )
                return f"({sub(pair[0], names, depth)} {choices.pick(('in', 'not in'))} {sub(pair[1], names, depth)})"
            case 5:
                return question_term(self, names, depth)
            case 6:
                return f"({sub('bool', names, depth)} {choices.pick(('and', 'or'))} {sub('bool', names, depth)})"
            case _:
                if vocabulary.is_shared:
                    return self._comparison("list", "list", names, depth)
                if choices.chance(40):
                    return set_question_term(self, names, depth)
                operator = choices.pick(vocabulary.any_operators)
                return f"({sub(self.kind(), names, depth)} {operator} {sub(self.kind(), names, depth)})"

    def _comparison(self, left: str, right: str, names: Names, depth: int) -> str:
        operator = self.choices.pick(self.vocabulary.comparisons)
        return f"({self.expression(left, names, depth)} {operator} {self.expression(right, names, depth)})"

    def _list(self, names: Names, depth: int) -> str:
        choices = self.choices
        sub = self.expression
        match choices.below(10):
            case 9:
                return list_term(self, names, depth)
            case 0:
                return f"[{', '.join(sub('int', names, depth) for _ in range(choices.between(0, 4)))}]"
            case 1 | 2:
                return self.comprehension("int", names, depth)
            case 3:
                return self.operation("list", ["+"], names, depth)
            case 4:
                return f"{sub('list', names, depth)}[{self.slice(names)}]"
            case 5:
                return f"sorted({sub('list', names, depth)})"
            case 6:
                return f"list({choices.pick(('range(3)', 'range(2, 8, 3)', 'range(3, 0, -1)'))})"
            case 7:
                return f"({sub('list', names, depth)} * {choices.between(0, 2)})"
            case _:
                # Closures that share the comprehension's variable, called when it has its last value.
                made = self.comprehension("function", names, depth)
                return f"[q({sub('int', names, 0)}) for q in {made}]"

    def _lists(self, names: Names, depth: int) -> str:
        if self.choices.chance(50):
            return self.comprehension("list", names, depth)
        count = self.choices.between(0, 3)
        return f"[{', '.join(self.expression('list', names, depth) for _ in range(count))}]"

    def _tuple(self, names: Names, depth: int) -> str:
        if self.choices.chance(20):
            return f"({self.expression('tuple', names, depth)} + ())"
        return f"({self.expression('int', names, depth)}, {self.expression('int', names, depth)})"

    def _none(self, names: Names, depth: int) -> str:
        return f"({self.expression('list', names, depth)}).append({self.expression('int', names, depth)})"

    def _function(self, names: Names, depth: int) -> str:
        parameter = self.choices.pick(INNER_NAMES)
        inner = names.inside({parameter: "int"})
        if self.choices.chance(30):
            default = self.expression("int", names, depth)
            other = "d"
            inner.kinds[other] = "int"
            return f"(lambda {parameter}, {other} = {default}: {self.expression('int', inner, depth)})"
        return f"(lambda {parameter}: {self.expression('int', inner, depth)})"
