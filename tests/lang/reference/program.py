"""Generated statements, functions and programs.

Every loop runs over something short, and functions only call functions that are defined above them, so programs end;
the few that grow without measure are left out by the budget. One kind of recursive function is generated on purpose.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import attrs
from hypothesis import strategies

from reference.choice import Choices
from reference.term import Names, Signature, Terms
from reference.vocabulary import Vocabulary

NAMES = ("a", "b", "c", "x", "y", "i", "j")
OUTER_NAMES = ("g", "h", "x", "a", "values")
PARAMETERS = ("a", "b", "n", "x")
FUEL = 60


@attrs.frozen
class Place:
    """Where a statement stands: what it can see, how deep, whether in a function that gives a kind, and in a loop."""

    names: Names
    indent: int
    gives: str
    in_loop: bool
    pool: tuple[str, ...]

    def inside(self, *, in_loop: bool) -> Place:
        """The block of a statement at this place."""
        return attrs.evolve(self, indent=self.indent + 1, in_loop=self.in_loop or in_loop)


class Programs:
    """Generates programs as lines."""

    def __init__(self, choices: Choices, vocabulary: Vocabulary) -> None:
        self.choices = choices
        self.vocabulary = vocabulary
        self.terms = Terms(choices, vocabulary)
        self.lines: list[str] = []
        self.defined = 0

    def program(self) -> str:
        """A whole program."""
        names = Names()
        if self.vocabulary.is_shared:
            self.lines.append("seen = []")
        place = Place(names, 0, "", False, OUTER_NAMES)
        for _ in range(self.choices.between(0, 2)):
            self._function(place)
        for _ in range(self.choices.between(1, 4)):
            self.choices.fuel = max(self.choices.fuel, 15)
            self._statement(place)
        for function in [*names.functions]:
            self.choices.fuel = max(self.choices.fuel, 6)
            self._show(place, function)
        return "\n".join(self.lines) + "\n"

    def _show(self, place: Place, function: Signature) -> None:
        """A call whose result can be seen."""
        self._see(place, self.terms.call(function, place.names, 1))

    def _see(self, place: Place, shown: str) -> None:
        """Prints or, as most texts of values are not CPython's, keeps values."""
        self._line(place, f"seen.append(({shown},))" if self.vocabulary.is_shared else f"print({shown})")

    def _line(self, place: Place, text: str) -> None:
        self.lines.append("    " * place.indent + text)

    def _block(self, place: Place, most: int = 3) -> None:
        for _ in range(self.choices.between(1, most)):
            self._statement(place)

    def _branch(self, place: Place, kinds: dict[str, str], *, in_loop: bool) -> None:
        """A block that may not run. What it binds is seen after it, too, but not often used there."""
        names = place.names
        known, functions = dict(names.kinds), len(names.functions)
        for name, kind in kinds.items():
            self._bind(place, name, kind)
        self._block(place.inside(in_loop=in_loop), 3 if in_loop else 2)
        if not self.choices.chance(20):
            for name in names.kinds.keys() - known.keys():
                del names.kinds[name]
            del names.functions[functions:]

    def _statement(self, place: Place) -> None:
        choices = self.choices
        is_deep = place.indent >= 4 or choices.fuel <= 0
        simple: list[Callable[[Place], None]] = [
            self._assign, self._assign, self._augment, self._print, self._unpack, self._store, self._change,
        ]  # fmt: skip
        compound: list[Callable[[Place], None]] = [self._if, self._for, self._for]
        if not self.vocabulary.is_shared and place.indent < 3:
            compound.append(self._for_and_change)
        if place.indent < 2:
            compound.append(self._function)
        if place.gives:
            simple.append(self._return)
        if place.in_loop:
            simple.append(self._leave_loop)
        choices.pick(simple if is_deep or choices.chance(65) else compound)(place)

    def _assign(self, place: Place) -> None:
        name, kind = self.choices.pick(place.pool), self.terms.kind()
        if place.names.kinds.get(name) is not None and self.choices.chance(50):
            kind = place.names.kinds[name]
        text = self.terms.expression(kind, place.names)
        if self.choices.chance(8):
            other = self.choices.pick(place.pool)
            self._bind(place, other, kind)
            is_chained = not self.vocabulary.is_shared and not self.vocabulary.dialects
            self._line(place, f"{other} = {name} = {text}" if is_chained else f"{other} = {text}")
            if not is_chained:
                return
        else:
            self._line(place, f"{name} = {text}")
        self._bind(place, name, kind)

    def _bind(self, place: Place, name: str, kind: str) -> None:
        place.names.kinds[name] = kind
        place.names.own.add(name)

    def _own(self, place: Place) -> list[str]:
        return [name for name in place.names.kinds if name in place.names.own]

    def _augment(self, place: Place) -> None:
        own = self._own(place)
        if not own:
            return self._assign(place)
        name = self.choices.pick(own)
        kind = place.names.kinds[name]
        operators = self.vocabulary.in_place.get(kind, ())
        if not operators:
            return self._assign(place)
        operator = self.choices.pick(operators)
        right = "int" if operator in ("*=",) else kind
        if kind == "int" and not self.vocabulary.is_shared and self.choices.chance(15):
            operator, right = self.choices.pick(("+=", "-=", "*=", "/=")), "float"
            place.names.kinds[name] = "float"
        self._line(place, f"{name} {operator} {self.terms.expression(right, place.names, 2)}")
        return None

    def _print(self, place: Place) -> None:
        kinds = self.vocabulary.kinds
        shown = [
            self.terms.expression(self.choices.pick(kinds), place.names, 2) for _ in range(self.choices.between(1, 2))
        ]
        self._see(place, ", ".join(shown))

    def _unpack(self, place: Place) -> None:
        choices, names = self.choices, place.names
        first, second = choices.pick(place.pool), choices.pick(place.pool)
        sub = self.terms.expression
        lists = names.of_kind("list")
        match choices.below(6):
            case 0:
                self._line(place, f"{first}, {second} = {sub('int', names, 2)}, {sub('int', names, 2)}")
            case 1:
                self._line(place, f"[{first}, {second}] = {sub('tuple', names, 2)}")
            case 2 if first in names.kinds and second in names.kinds:
                self._line(place, f"{first}, {second} = {second}, {first}")
                kinds = names.kinds[second], names.kinds[first]
                self._bind(place, first, kinds[0])
                return self._bind(place, second, kinds[1])
            case 3 if lists:
                target = f"{choices.pick(lists)}[{sub('int', names, 1)}]"
                targets = f"{target}, {first}" if choices.chance(50) else f"{first}, {target}"
                self._line(place, f"{targets} = {sub('tuple', names, 2)}")
                return self._bind(place, first, "int")
            case 4:
                self._line(place, f"{first}, ({second}, _r) = {sub('int', names, 1)}, {sub('tuple', names, 2)}")
            case _:
                many = sub("list", names, 2)
                self._line(place, f"{first}, {second} = {many if choices.chance(20) else f'({many} + [0, 0])[:2]'}")
        self._bind(place, first, "int")
        return self._bind(place, second, "int")

    def _store(self, place: Place) -> None:
        choices, names = self.choices, place.names
        sub = self.terms.expression
        containers = [name for name, kind in names.kinds.items() if kind in ("list", "dict", "lists", "strings")]
        if not containers:
            return self._assign(place)
        name = choices.pick(containers)
        kind = names.kinds[name]
        element = {"list": "int", "dict": "int", "lists": "list", "strings": "str"}[kind]
        index = sub(choices.pick(("str", "int")) if kind == "dict" else "int", names, 1)
        if choices.chance(40):
            operator = choices.pick(("+=", "-=", "|=") if element == "int" else ("+=",))
            self._line(place, f"{name}[{index}] {operator} {sub(element, names, 2)}")
        else:
            self._line(place, f"{name}[{index}] = {sub(element, names, 2)}")
        return None

    def _change(self, place: Place) -> None:
        choices, names = self.choices, place.names
        sub = self.terms.expression
        containers = [name for name, kind in names.kinds.items() if kind in ("list", "dict", "set")]
        if not containers:
            return self._print(place)
        name = choices.pick(containers)
        match names.kinds[name]:
            case "list":
                text = choices.pick((
                    f"append({sub('int', names, 2)})", f"extend({sub('list', names, 2)})", "pop()", "clear()",
                    f"insert(0, {sub('int', names, 1)})", f"remove({sub('int', names, 1)})",
                ))  # fmt: skip
            case "dict":
                text = choices.pick((
                    f"update({sub('dict', names, 2)})", f"pop({sub('str', names, 1)}, None)",
                    f"setdefault({sub('str', names, 1)}, {sub('int', names, 1)})", "clear()",
                ))  # fmt: skip
            case _:
                text = choices.pick((f"add({sub('int', names, 2)})", f"discard({sub('int', names, 1)})", "clear()"))
        self._line(place, f"{name}.{text}")
        return None

    def _if(self, place: Place) -> None:
        for position in range(self.choices.between(1, 3)):
            test = self.terms.expression("bool", place.names, 2)
            self._line(place, f"{'if' if position == 0 else 'elif'} {test}:")
            self._branch(place, {}, in_loop=False)
        if self.choices.chance(50):
            self._line(place, "else:")
            self._branch(place, {}, in_loop=False)

    def _for(self, place: Place) -> None:
        target, iterable, kinds = self.terms.loop_source(place.names, 2, place.pool)
        self._line(place, f"for {target} in {iterable}:")
        self._branch(place, kinds, in_loop=True)

    def _for_and_change(self, place: Place) -> None:
        """Loops over one list that is changed, which is refused during the loops and allowed after them."""
        choices = self.choices
        name = choices.pick(("kept", *place.pool))
        self._line(place, f"{name} = {self.terms.expression('list', place.names, 2)}")
        self._bind(place, name, "list")
        inside = place
        for target in ("u", "v")[: choices.between(1, 2)]:
            self._line(inside, f"for {target} in {name}:")
            self._bind(place, target, "int")
            inside = inside.inside(in_loop=True)
            self._statement(inside)
            if choices.chance(70):
                self._leave_loop(inside)
        if choices.chance(40):
            self._line(inside, self._growth(name))
        if choices.chance(40):
            (self._return if place.gives else self._print)(inside)
        self._line(place, self._growth(name))

    def _growth(self, name: str) -> str:
        """A change of a list."""
        return self.choices.pick((f"{name}.append(1)", f"{name} += [2]", f"{name}.insert(0, 3)"))

    def _leave_loop(self, place: Place) -> None:
        self._line(place, f"if {self.terms.expression('bool', place.names, 1)}:")
        inside = place.inside(in_loop=True)
        if place.gives and self.choices.chance(30):
            self._return(inside)
        else:
            self._line(inside, self.choices.pick(("break", "continue")))

    def _return(self, place: Place) -> None:
        self._line(place, f"return {self.terms.expression(place.gives, place.names, 2)}")

    def _function(self, place: Place) -> None:
        choices = self.choices
        self.defined += 1
        name = f"f{self.defined}"
        shuffled = (*PARAMETERS[choices.below(len(PARAMETERS)) :], "m", "k")
        required = shuffled[: choices.between(0, 2)]
        optional = tuple(f"o{index}" for index in range(choices.between(0, 1)))
        has_rest, has_others = choices.chance(20), choices.chance(20)
        keyword_only = ("only",) if has_rest and choices.chance(30) else ()
        gives = self.terms.kind()
        own = {**dict.fromkeys((*required, *optional, *keyword_only), "int")}
        texts = [*required, *(f"{each} = {self.terms.expression('int', place.names, 2)}" for each in optional)]
        if has_rest:
            texts.append("*rest")
            own["rest"] = "list-like"
        texts += keyword_only
        if has_others:
            texts.append("**others")
            own["others"] = "dict"
        self._line(place, f"def {name}({', '.join(texts)}):")
        inner = place.names.inside(own)
        pool = NAMES if place.indent == 0 else ("c", "y", "z", "u", "a")
        body = Place(inner, place.indent + 1, gives, False, pool)
        if required and choices.chance(10):
            rest = "".join([", 0" for _ in required[1:]] + [f", {each} = 1" for each in keyword_only])
            first = required[0]
            self._line(body, f"if {first} == 0: return {self.terms.expression(gives, inner, 1)}")
            self._line(body, f"if 0 < {first} and {first} < 6: return {name}({first} - 1{rest})")
        self._block(body)
        self._return(body)
        kinds = tuple("int" for _ in required)
        signature = Signature(name, required, optional, keyword_only, has_rest, has_others, gives, kinds)
        place.names.functions.append(signature)
        if place.indent:
            self._show(place, signature)


def programs(vocabulary: Vocabulary, maker: type[Programs] = Programs) -> strategies.SearchStrategy[str]:
    """The strategy for programs in a vocabulary."""

    @strategies.composite
    def generated(draw: Callable[[Any], Any]) -> str:
        return maker(Choices(draw, FUEL), vocabulary).program()

    return generated()
