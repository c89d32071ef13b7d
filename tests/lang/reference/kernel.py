"""Programs such as a compiler is tempted to specialise: loops over numbers, functions of one type, known callees.

Each function is a kernel: loops, accumulators near the limits of machine words, lists of ints, closures, small callees.
What breaks assumptions comes along: other types halfway or in the second call, two names for one list, a callee that
changes what its caller iterates, universal names that mean something else, globals that are bound again, loops without
a turn, and calls in which the order of evaluation shows.
"""

from __future__ import annotations

from collections.abc import Callable

import attrs

from reference.program import Place, Programs
from reference.term import Names, Signature

LOCALS = ("s", "t", "n", "i", "x", "a", "b")
SHADOWED = ("len", "range", "max", "str", "int", "abs", "type", "sorted", "list", "min")
CONSTANTS = tuple(
    str(sign * (2**bits + offset)) for bits in (15, 29, 30, 31, 32, 53, 61, 62, 63, 64, 127) for sign in (1, -1)
    for offset in (-1, 0, 1)
)  # fmt: skip
MASKS = ("0xff", str(2**30 - 1), str(2**31 - 1), str(2**32 - 1), str(2**62 - 1), str(2**64 - 1))
MODULI = ("7", "256", "65521", "1000003", "1000000007", str(2**61 - 1), str(2**31))
KINDS_OF_PARAMETERS = ("int", "int", "int", "list", "float", "str", "dict", "strings", "lists", "function", "tuple")
OTHERS = {
    "int": ("float", "float", "bool", "str", "list"), "float": ("int", "int", "str"), "str": ("strings", "int", "list"),
    "list": ("tuple", "strings", "lists", "dict"), "strings": ("list", "tuple"), "lists": ("strings", "list"),
    "dict": ("list", "lists"), "tuple": ("list", "lists"), "function": ("function", "int"),
}  # fmt: skip
"""What a parameter meant for one kind is given as well. Much works with several of them."""


class Kernels(Programs):
    """Generates kernels and programs that call them in different ways."""

    def program(self) -> str:
        choices = self.choices
        if self.vocabulary.dialects:
            self.lines.append(f"# dialect: {choices.pick(self.vocabulary.dialects)}")
        if self.vocabulary.is_shared:
            self.lines.append("seen = []")
        names = Names()
        place = Place(names, 0, "", False, ("g", "h", "values", "x"))
        self._line(place, "def note(v):")
        self._see(place.inside(in_loop=False), '"note", v')
        self._line(place.inside(in_loop=False), "return v")
        self.terms.noted = choices.pick((0, 0, 2, 8))
        for _ in range(choices.between(0, 2)):
            self._assign(place)
        for _ in range(choices.between(1, 3)):
            choices.fuel = max(choices.fuel, 60)
            self._kernel(place)
        for function in reversed(names.functions):
            choices.fuel = max(choices.fuel, 20)
            if choices.chance(30):
                self._rebind(place)
            self._call_twice(place, function)
        return "\n".join(self.lines) + "\n"

    def _call_twice(self, place: Place, function: Signature) -> None:
        """A call as the function is meant, then now and then one with arguments of other kinds."""
        self._show(place, function)
        if self.choices.chance(30):
            kinds = tuple(
                self.choices.pick(OTHERS[kind]) if self.choices.chance(60) else kind for kind in function.kinds
            )
            if not self.vocabulary.is_shared or "bool" not in kinds:
                self._show(place, attrs.evolve(function, kinds=kinds))

    def _rebind(self, place: Place) -> None:
        """A global that functions read gets another value, perhaps of another kind."""
        known = [name for name in place.names.kinds if name in place.pool]
        if known:
            name = self.choices.pick(known)
            kind = self.choices.pick(OTHERS.get(place.names.kinds[name], ("int",)))
            if self.vocabulary.is_shared and kind not in self.vocabulary.kinds:
                return
            self._line(place, f"{name} = {self.terms.expression(kind, place.names, 1)}")
            self._bind(place, name, kind)

    def _kernel(self, place: Place) -> None:
        choices = self.choices
        self.defined += 1
        name = f"k{self.defined}"
        count = choices.between(1, 3)
        parameters = tuple(choices.pick((("n", "a"), ("x", "p"), ("m", "q"))[index]) for index in range(count))
        kinds = tuple(choices.pick(KINDS_OF_PARAMETERS) for _ in parameters)
        gives = choices.pick(("int", "int", "int", "float", "str", "list", "tuple", "dict"))
        inner = place.names.inside(dict(zip(parameters, kinds, strict=True)))
        texts = [*parameters]
        optional: tuple[str, ...] = ()
        if choices.chance(20):
            optional = ("o",)
            texts.append(f"o = {self.terms.expression('int', place.names, 1)}")
            inner.kinds["o"] = "int"
            inner.own.add("o")
        if not self.vocabulary.is_shared and choices.chance(4):
            texts.append(choices.pick(SHADOWED))
            optional = (*optional, texts[-1])
            texts[-1] += " = (lambda *p: 3)"
        self._line(place, f"def {name}({', '.join(texts)}):")
        pool = tuple({*LOCALS, *place.pool[: choices.below(2)]} - set(parameters[: choices.below(2)]))
        body = Place(inner, place.indent + 1, gives, False, tuple(sorted(pool)))
        for _ in range(choices.between(1, 4)):
            self._statement(body)
        if not choices.chance(6):
            self._return(body)
        signature = Signature(name, parameters, optional, (), False, False, gives, kinds)
        place.names.functions.append(signature)

    def _statement(self, place: Place) -> None:
        choices = self.choices
        moves: list[Callable[[Place], None]] = [
            self._accumulate, self._accumulate, self._accumulate, self._count_in_dict, self._fill_list, self._alias,
            self._change_kind, self._callee, self._closures_in_loop, self._zero_turns, self._dispatch, self._search,
            self._rebound_source, self._build_text, self._recursion, self._long_loop, self._shadow,
        ]  # fmt: skip
        if self.vocabulary.dialects:
            moves += [self._while, self._while, self._while]
        if place.indent and place.indent < 4 and choices.fuel > 0 and choices.chance(45):
            choices.pick(moves)(place)
        else:
            super()._statement(place)

    def _local(self, place: Place, kind: str, initial: str | None = None) -> str:
        """A local of a kind, which is bound here unless there is one."""
        known = [name for name in place.pool if place.names.kinds.get(name) == kind and name in place.names.own]
        if known and initial is None and self.choices.chance(70):
            return self.choices.pick(known)
        name = self.choices.pick(place.pool)
        value = initial if initial is not None else self.terms.expression(kind, place.names, 1)
        self._line(place, f"{name} = {value}")
        self._bind(place, name, kind)
        return name

    def _times(self) -> str:
        """`*=`, except where CPython would change a list by it and this language gives a new one."""
        return "+=" if self.vocabulary.is_shared else "*="

    def _start(self) -> str:
        return self.choices.pick(("0", "1", self.choices.pick(CONSTANTS)))

    def _turns(self, place: Place) -> tuple[str, str]:
        """The target and the source of a loop of ints."""
        choices = self.choices
        target = choices.pick(("i", "j", "x", "w"))
        bound = choices.pick(("3", "7", "n", "20"))
        if bound == "n":
            bound = f"({choices.pick(place.names.of_kind('int') or ['4'])} & 7)"
        kind = choices.below(6)
        if kind == 0:
            return target, f"range({bound}, -1, -{choices.between(1, 2)})"
        if kind == 1:
            base = choices.pick(CONSTANTS)
            return target, f"range({base}, {base} + {choices.between(0, 6)})"
        if kind == 2 and place.names.of_kind("list"):
            return target, choices.pick(place.names.of_kind("list"))
        if kind == 3:
            other = "u" if target != "u" else "v"
            return f"{other}, {target}", f"enumerate(list({self.terms.expression('list', place.names, 1)}))"
        return target, f"range({bound})"

    def _loop(self, place: Place) -> tuple[Place, str]:
        """The header of a loop over ints; gives the place inside and the int's name."""
        target, source = self._turns(place)
        self._line(place, f"for {target} in {source}:")
        for name in target.split(", "):
            self._bind(place, name, "int")
        return place.inside(in_loop=True), target.split(", ")[-1]

    def _step(self, place: Place, total: str, item: str) -> str:
        """A right side for an accumulator, in which ints may grow or stay within a modulus."""
        choices = self.choices
        other = self.terms.expression("int", place.names, 1)
        return choices.pick((
            f"{total} + {item}", f"{total} + {item} * {other}", f"{total} - {other}", f"{total} * 3 + {item}",
            f"({total} * {choices.pick(CONSTANTS)} + {item}) % {choices.pick(MODULI)}", f"{total} ^ ({item} << 5)",
            f"({total} << 1) & {choices.pick(MASKS)}", f"{total} * {item} | 1", f"{total} // 3 + {item}",
            f"-{total} + {item}", f"{total} + {item} if {item} > {total} else {total} - 1", f"{total} * {total}",
            f"max({total}, {item}) + 1", f"abs({total}) % {choices.pick(MODULI)}", f"~{total} + {other}",
            f"{total} + len(seen)" if self.vocabulary.is_shared else f"{total} + hash(str({item}))",
        ))  # fmt: skip

    def _accumulate(self, place: Place) -> None:
        choices = self.choices
        kind = choices.pick(("int", "int", "int", "float"))
        start = self._start() if kind == "int" else self.terms.expression("float", place.names, 0)
        total = self._local(place, kind, start)
        if choices.chance(25):
            self._local(place, "list")
        inside, item = self._loop(place)
        if total == item:
            return self._line(inside, "pass")
        for _ in range(choices.between(1, 2)):
            if choices.chance(40):
                operator = choices.pick(
                    ("+=", "-=", self._times(), "^=", "|=", "%=", "//=") if kind == "int" else ("+=", "-=")
                )
                right = choices.pick((item, f"{item} + 1", choices.pick(CONSTANTS), f"{item} * {item}"))
                self._line(inside, f"{total} {operator} {right}")
            else:
                self._line(inside, f"{total} = {self._step(inside, total, item)}")
        if choices.chance(50):
            self._statement(inside)
        if choices.chance(30):
            self._leave_loop(inside)
        if choices.chance(10):
            self._line(inside, f"{item} = {choices.pick((f'{item} + 1', '1.5', total))}")
        return self._see(place, total)

    def _count_in_dict(self, place: Place) -> None:
        choices = self.choices
        counts = self._local(place, "dict", choices.pick(("{}", "{}", "{0: 1}")))
        inside, item = self._loop(place)
        if counts == item:
            return self._line(inside, "pass")
        key = choices.pick((item, f"{item} % 3", f"({item}, 1)", f"'%d' % ({item} & 3)", f"({item} & 1 == 0)"))
        if self.vocabulary.is_shared and "==" in key:
            key = item
        self._line(inside, choices.pick((
            f"{counts}[{key}] = {counts}.get({key}, 0) + {choices.pick(('1', item))}",
            f"if {key} not in {counts}: {counts}[{key}] = 0",
            f"{counts}[{key}] = {counts}[{key}] + 1 if {key} in {counts} else 1",
            f"{counts}.setdefault({key}, 0)",
        )))  # fmt: skip
        if choices.chance(30):
            self._line(inside, f"{counts}[{key}] += {choices.pick(('1', item, '0.5'))}")
        return self._see(place, f"[(u, {counts}[u]) for u in {counts}]")

    def _fill_list(self, place: Place) -> None:
        choices = self.choices
        items = self._local(place, "list", choices.pick(("[]", "[0] * 8", "[1, 2, 3]", "list(range(6))")))
        if choices.chance(30):
            self._alias_of(place, items)
        inside, item = self._loop(place)
        if items == item:
            return self._line(inside, "pass")
        value = self._step(inside, item, item)
        self._line(inside, choices.pick((
            f"{items}.append({value})", f"{items}[{item} & 3] = {value}", f"{items}[{item} & 1] += {item}",
            f"{items}[0], {items}[-1] = {items}[-1], {item}", f"{items} += [{item}]", f"{items} = {items} + [{item}]",
            f"{items}[{item}] = {items}[{item} - 1] + 1", f"{items}.insert({item}, {value})",
            f"if {items}: {items}.pop()",
        )))  # fmt: skip
        if choices.chance(40):
            self._statement(inside)
        return self._see(place, items)

    def _change_kind(self, place: Place) -> None:
        """A local gets a value of another kind under a condition, and is used on."""
        name = self._local(place, "int")
        inside, item = self._loop(place)
        self._line(inside, f"if {self.terms.expression('bool', inside.names, 1)}:")
        texts = [f"{name} + 0.5", f"float({item})", f"[{name}]", f"{name} / 2"]
        if not self.vocabulary.is_shared:
            texts += [f"str({name})", "None", "True", "'s'"]
        self._line(inside.inside(in_loop=True), f"{name} = {self.choices.pick(texts)}")
        if name != item:
            operator = self.choices.pick(("+=", self._times(), "-="))
            self._line(inside, f"{name} {operator} {self.choices.pick((item, '2', name))}")
        self._see(place, name)

    def _alias_of(self, place: Place, items: str) -> str:
        other = self.choices.pick(("c", "y", "b"))
        self._line(place, f"{other} = {items}")
        self._bind(place, other, "list")
        return other

    def _alias(self, place: Place) -> None:
        """Two names for one list: what is done by one is seen by the other."""
        choices = self.choices
        items = self._local(place, "list")
        other = self._alias_of(place, items)
        value = choices.pick(("0.5", "'s'", "[1]", "7", choices.pick(CONSTANTS)))
        self._line(place, choices.pick((
            f"{other}.append({value})", f"{other} += [{value}]", f"{other}.insert(0, {value})",
            f"if {other}: {other}[0] = {value}", f"{other}.extend([{value}, {value}])",
        )))  # fmt: skip
        total = self._local(place, "int", self._start())
        if total == items:
            return
        self._line(place, f"for w in {items}:")
        inside = place.inside(in_loop=True)
        self._bind(inside, "w", "int")
        self._line(inside, f"{total} = {choices.pick((f'{total} + 1', f'[w, {total}][1]', f'{total} + w', 'w'))}")
        if choices.chance(30):
            self._line(inside, f"{other}.append(1)")
        self._see(place, f"{total}, {items}")

    def _callee(self, place: Place) -> None:
        """A small function inside, called with what it was not made for as well; some change what is iterated."""
        choices = self.choices
        self.defined += 1
        name = f"c{self.defined}"
        items, total = self._local(place, "list"), self._local(place, "int", self._start())
        step = self._step(place, "u", choices.pick(("1", total, f"len({items})")))
        body = choices.pick((
            f"return {step}", f"return [u, {step}]", f"{items}.append(u)", f"return {items}[u & 1]",
            f"if u < 3: return {step}", f"return (u, {step})", f"return {step} if {total} else 0.5", "return u",
        ))  # fmt: skip
        self._line(place, f"def {name}(u, v = {choices.pick(('1', total, items))}):")
        self._line(place.inside(in_loop=False), body)
        inside, item = self._loop(place)
        call = choices.pick((f"{name}({item})", f"{name}(v = {item}, u = {item})", f"{name}({item}, 2)"))
        self._line(inside, choices.pick((f"w = {call}", f"{call}", f"{items} = [{call}, {call}]")))
        if choices.chance(30):
            self._line(inside, f"w = {name}({choices.pick(('0.5', '[1]', item, 'None', name))})")
        if total != item:
            self._line(inside, f"{total} = {choices.pick((f'{total} + 1', call, f'{call} + {total}'))}")
        self._see(place, total)

    def _closures_in_loop(self, place: Place) -> None:
        choices = self.choices
        total = self._local(place, "int")
        made = choices.pick(("fs", "gs"))
        self._line(place, f"{made} = []")
        inside, item = self._loop(place)
        text = self._step(inside, total, item)
        if choices.chance(50):
            self._line(inside, f"{made}.append(lambda: {text})")
        else:
            self._line(inside, f"def made_here(u = {item}):")
            self._line(inside.inside(in_loop=False), f"return {choices.pick((f'u + {total}', text, f'({item}, u)'))}")
            self._line(inside, f"{made}.append(made_here)")
        if choices.chance(50):
            change = choices.pick((f"{total} + 1", "1.5", choices.pick(CONSTANTS), f"{total} * 2"))
            self._line(choices.pick((place, inside)), f"{total} = {change}")
        self._see(place, f"[f() for f in {made}]")

    def _while(self, place: Place) -> None:
        """A `while` that ends, unless its counter is bound again inside of it."""
        choices = self.choices
        counter = self._local(place, "int", choices.pick(("0", "3", self._start())))
        bound, step = choices.pick(("7", "n", f"{counter} + 3")), choices.pick(("+ 1", "+ 2", "* 2 + 1", "- 1"))
        if bound == "n":
            bound = choices.pick(place.names.of_kind("int") or ["4"])
        limit = choices.pick((f"{counter} < {bound}", f"{counter} & 7", f"{counter} != {bound} and {counter} < 50"))
        self._line(place, f"while {limit}:")
        inside = place.inside(in_loop=True)
        self._line(inside, f"{counter} = {counter} {step}")
        self._statement(inside)
        if choices.chance(40):
            self._leave_loop(inside)
        self._line(inside, f"if {counter} > 40 or {counter} < -40: break")
        self._see(place, counter)

    def _zero_turns(self, place: Place) -> None:
        """A loop that may have no turn, and its variable after it."""
        choices = self.choices
        name = choices.pick(("z", "i", "w"))
        bit = self.terms.expression("int", place.names, 1)
        source = choices.pick((f"range({bit} & 1)", "[]", "[0.5]", "range(2)"))
        self._line(place, f"for {name} in {source}:")
        self._line(place.inside(in_loop=True), choices.pick(("pass", f"{name} = {name} + 1", "continue", "break")))
        self._bind(place, name, "int")
        if choices.chance(60):
            self._see(place, name)

    def _dispatch(self, place: Place) -> None:
        """Asks for the type of a value, and relies on it."""
        choices, names = self.choices, place.names
        known = list(names.kinds)
        if self.vocabulary.is_shared or not known:
            return self._accumulate(place)
        name = choices.pick(known)
        asked = choices.pick(("int", "float", "string", "list", "dict", "NoneType", "bool", "function"))
        text = choices.pick((
            f'type({name}) == "{asked}"', f'type({name}) != "{asked}"', f'type({name}) in ("{asked}", "int")',
            f"type({name}) == type(1)", f"type({name}) == type({choices.pick(known)})", f"{name} == None",
        ))  # fmt: skip
        use = choices.pick((f"{name} + 1", f"{name} + {name}", f"len({name})", f"{name}[0]", f"{name} * 2", f"-{name}"))
        self._line(place, f"if {text}:")
        inside = place.inside(in_loop=False)
        self._see(inside, use)
        if choices.chance(30):
            self._line(inside, f"{choices.pick(place.pool)} = {use}")
        self._line(place, "else:")
        self._see(inside, choices.pick((name, "0", use)))
        return None

    def _rebound_source(self, place: Place) -> None:
        """The loop's source or bound gets another value inside the loop, which the loop does not see."""
        choices = self.choices
        items = self._local(place, choices.pick(("list", "int")))
        kind = place.names.kinds[items]
        target = choices.pick(("i", "w"))
        self._line(place, f"for {target} in {items if kind == 'list' else f'range({items} & 7)'}:")
        inside = place.inside(in_loop=True)
        if target != items:
            self._bind(inside, target, "int")
        new = f"{items} + [{target}]" if kind == "list" else f"{items} + {target}"
        self._line(inside, f"{items} = {choices.pick((new, new, self.terms.expression(kind, inside.names, 1)))}")
        if choices.chance(50):
            self._statement(inside)
        self._see(place, items)

    def _build_text(self, place: Place) -> None:
        choices = self.choices
        text = self._local(place, "str", choices.pick(('""', '"a"', '"é"')))
        inside, item = self._loop(place)
        if text == item:
            return self._line(inside, "pass")
        self._line(inside, choices.pick((
            f"{text} += '%d,' % {item}", f"{text} = {text} + 'x'", f"{text} = 'y' + {text}[1:]",
            f"{text} = {text}[:99] * 2",
            f"{text} = ','.join([{text}, '%d' % {item}])", f"if len({text}) > 3: {text} = {text}[:2]",
            f"{text} += {text}[-1:]", f"{text} = {text}.replace('a', 'bb')",
        )))  # fmt: skip
        if choices.chance(30):
            last = choices.pick(("'a'", f"{text}[-1]"))
            self._line(inside, f"if {text}[0] == {last}: break")
        return self._see(place, f"{text}, len({text})")

    def _search(self, place: Place) -> None:
        """Leaves two loops early, holding what they iterate."""
        choices = self.choices
        items = self._local(place, "list")
        self._line(place, f"for u in {items}:")
        inside = place.inside(in_loop=True)
        self._line(inside, f"for v in {choices.pick((items, items + '[1:]', 'range(u & 7)', f'[u, {items}]'))}:")
        deep = inside.inside(in_loop=True)
        self._line(deep, f"if {choices.pick(('u == v', 'v > u', 'u + v > 3', 'u != v'))}:")
        way_out = choices.pick(
            ("break", "continue", f"return {self.terms.expression(place.gives or 'int', place.names, 1)}")
        )
        self._line(deep.inside(in_loop=True), way_out if place.gives or "return" not in way_out else "break")
        if choices.chance(40):
            self._line(deep, self._growth(items))
        self._line(inside, choices.pick(("pass", "if u: break", self._growth(items))))
        self._line(place, self._growth(items))

    def _recursion(self, place: Place) -> None:
        choices = self.choices
        self.defined += 1
        name = f"r{self.defined}"
        base, step = choices.pick(("0", "1.5", choices.pick(CONSTANTS))), choices.pick(("1", "2"))
        body = choices.pick((
            f"{name}(u - {step}) + u", f"u * {name}(u - {step})", f"{name}(u - 1) + {name}(u - 2)",
            f"[u, {name}(u - {step})]", f"{name}(u - {step}, w + 1)", f"{name}(u - {step}, w = u)",
            f"{name}(u = u - 1)",
        ))  # fmt: skip
        self._line(place, f"def {name}(u, w = {choices.pick(('0', base))}):")
        inside = place.inside(in_loop=False)
        self._line(inside, f"if u {choices.pick(('<', '<='))} {choices.pick(('1', '2', '0'))}: return {base}")
        self._line(inside, f"return {body}")
        shown = choices.pick(("3", "7", "9", "2.5", "49", "True" if not self.vocabulary.is_shared else "4"))
        self._see(place, f"{name}({shown if '- 1) +' not in body else '6'})")

    def _long_loop(self, place: Place) -> None:
        """More turns than are charged at once."""
        choices = self.choices
        total = self._local(place, "int", self._start())
        if not choices.chance(15):
            return self._accumulate(place)
        size = choices.pick(("4095", "4096", "4097", "9000"))
        self._line(place, f"for i in {choices.pick((f'range({size})', f'[1] * {size}', f'range(0, {size}, 1)'))}:")
        inside = place.inside(in_loop=True)
        total = "s" if total == "i" else total
        self._line(inside, f"{total} = {choices.pick((f'{total} + i', f'({total} * 31 + i) % 65521'))}")
        if choices.chance(50):
            self._line(inside, f"if i == {choices.pick(('4094', '4096', '5', '8191'))}: break")
        return self._see(place, total)

    def _shadow(self, place: Place) -> None:
        """A universal name means something else in this function, or nothing yet."""
        choices = self.choices
        name = choices.pick(SHADOWED)
        if self.vocabulary.is_shared or place.indent > 1 or not choices.chance(30):
            return self._accumulate(place)
        items = self._local(place, "list")
        if choices.chance(30):
            self._line(place, f"if {self.terms.expression('bool', place.names, 1)}:")
            place = place.inside(in_loop=False)
        made = choices.pick(("lambda *p: 7", "lambda p = 1: p", "3", f"{items}", "len", "lambda *p: [0.5]"))
        self._line(place, f"{name} = {made}")
        return self._see(place, f"{name}({choices.pick((items, '3', ''))})")
