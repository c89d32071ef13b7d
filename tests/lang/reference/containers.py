"""Programs about who can get hold of a container: what an analysis of escaping values has to get right.

Each function makes a few lists, lists of lists and dicts, lets names share them, puts them into each other, hands some
of them to others, and changes them, also while they are iterated. What they hold is mostly ints, and now and then
something else. Most statements succeed, so that much happens before a program ends.

A function is made of a few kinds of statements only: if all of them were in each, hardly a container would stay within
its function.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from reference.choice import Choices
from reference.program import Programs
from reference.vocabulary import Vocabulary

LISTS = ("xs", "ys", "zs")
TABLES = ("m", "rows")
SLOT = re.compile(r"\{([A-Z])\}")
LIST_SOURCES = (
    "[3, 1, 2, 5]", "[0] * 6", "[0, 0, 0, 0]", "list(range(5))", "[i * 2 for i in range(5)]", "[N, N + 1, 2, 7, 1]",
    "sorted([4, 2, 9, 1])", "[1.5, 2, 3, 4]", "{L}", "{L} + [8]", "{L}[:]", "list({L})", "[{V}, {V}, 0, 1, 2]",
    "[[0, 1, 2, 3]][0]", "(lambda: [4, 3, 2, 1])()", "reversed({L})", "{L} * 2", "{L}[1:4]", "{T}[0]",
)  # fmt: skip
TABLE_SOURCES = (
    "[[0] * 4 for _ in range(4)]", "[[1, 2, 3, 4], [5, 6, 7, 8], [9, 8, 7, 6], [5, 4, 3, 2]]", "[{L}, {L}, {L}, {L}]",
    "[{L}[:] for _ in range(4)]", "{T}", "[{L}] * 4", "[row for row in {T}]", "[[i, i + 1, 2, 3] for i in range(4)]",
)  # fmt: skip
VALUES = ("{I}", "{I}", "{I}", "{I}", "0.5", "'s'", "None", "(1, {I})", "True", "[{I}]")
INTS = (
    "0", "1", "2", "N", "{K}", "{K}", "{K}", "{L}[{J}]", "{L}[{J}] + 1", "{T}[{J}][{J}]", "len({L})", "{D}.get({K}, 7)",
    "{K} * {L}[0]", "{L}[{J}] - {L}[{J}]", "{K} // 2", "max({L})", "-{K}", "{L}[-1]", str(2**62), "{C}",
)  # fmt: skip
INDEXES = ("0", "1", "2", "3", "-1", "{K} & 3", "{K} % 4", "{K}")
TESTS = (
    "{I} > {I}", "{I} in {L}", "{L} == {L}", "{L}", "{I} & 1 == 0", "{L}[{J}] < {L}[{J}]", "{K} == 2", "len({L}) > 4",
    "{K} in {D}", "not {L}", "{L} < {L}", "{T}[{J}] == {L}", "{D} == {D}",
)  # fmt: skip
STATEMENTS = (
    "{L}[{J}] = {V}", "{L}[{J}] = {I}", "{L}[{J}] += {I}", "{L}.append({I})", "{L}.append({V})", "{L} = {S}",
    "{L} = {S}", "{T} = {U}", "{L} = {L} if {B} else {L}", "{L} = {L} or {L}", "{L}, {L} = {L}, {L}", "{L} += {L}[:2]",
    "{L}.extend({L}[:3])", "{L}.pop()", "{L}.insert({J}, {I})", "{L}.remove({L}[0])", "{C} = {I}", "{C} += {L}[{J}]",
    "{C} = {C} * 2 + {I}", "{T}[{J}][{J}] = {I}", "{T}[{J}][{J}] += {I}", "{L} = {T}[{J}]", "{T}[{J}] = {L}",
    "{T}.append({L})", "{D}[{K}] = {I}", "{D}[{K}] = {L}[{J}]", "{D}['k'] = {L}", "{D} = {{}}", "{D} = {D}",
    "{D}[{K}] = {D}.get({K}, 0) + 1", "{D}.setdefault({K}, {I})", "({L}, {C}) = ({L}, {I})",
    "{L}[{J}], {L}[{J}] = {I}, {I}",
    "[{L}, {L}] = [{L}, {L}]", "P = ({L}, {I})", "{L}, {C} = P", "Q = [{L}]", "{L} = Q[0]", "{L} = P[0]", "keep({L})",
    "{L} = keep({L})", "{L} = same({L})", "{C} = first({L})", "change({L})", "f = lambda: {L}[{J}]", "{C} = f()",
    "f = lambda u = {L}: u.append(1)", "show({L})", "show({I})", "show({L}, {T})", "show({D})",
    "show(str({L}), {L} == {L})",
    "{L} = [u + 1 for u in {L}]", "{L} = [u for u in {L} if u != {I}]", "{C} = [u for u in {L}][0]",
    "{L} = [f() for _ in {L}]",
    "{L} = [{L}[{J}] for _ in range(4)]", "{T} = [[u + v for u in {L}] for v in {L}]", "change_all({T})", "{L}.clear()",
    "{L} = {{0: {L}}}[0]", "{L} = (lambda u: u)({L})", "{L} = max([{L}, {L}])", "{D} = {{u: {I} for u in {L}}}",
    "{L} = {D}.keys() + [1, 2, 3, 4]", "{C} = {L}.index({L}[{J}])", "show(type({L}), hasattr({L}, 'append'))",
    "{L}.append({L}.pop())", "{L} = [{L}][0]", "{L}[:] == {L} and {L}.append(0)", "{T}[{J}].append({I})",
    "{L}[{J}] *= 2", "{L}.append({{0: {L}}})", "{L}.append([{L}])", "{L}.append(({L},))", "{T}.append([{L}])",
    "{D}[{K}] = [{L}]", "{L}[{J}] = {L}", "{D}['s'] = ({L}, {I})", "P = ({{'a': {L}}}, 1)", "{L}.extend([{L}, {T}])",
    "{L} += [{{1: {L}}}]", "{D} = {{1: {D}, 2: {L}}}", "{L}.insert(0, struct(x = {L}))",
    "keep(struct(x = {L}, y = {D}))", "keep(lambda: {L})",
    "{L} = [{L} for _ in range(4)]", "{D} = {{u: {L} for u in range(3)}}", "{L} = [lambda: {L}, {L}][1]",
)  # fmt: skip
SOURCES = (
    "{L}", "{L}", "{L}", "range(4)", "range(len({L}))", "enumerate({L})", "zip({L}, {L})", "{T}", "{D}", "{D}.items()",
    "{L}[:]", "sorted({L})", "range({I} & 7)", "reversed({L})", "list({L})", "[{L}, {L}]", "{T}[{J}]",
)  # fmt: skip
PAIRED = ("enumerate", "zip", "{D}.items")
HEADER = """\
kept = []
def show(*v): print(*v)
def keep(v):
    kept.append(v)
    return v
def same(v): return v
def first(v): return v[0]
def change(v): v.append(7)
def change_all(v):
    for w in v: w.append(8)
    return v"""


class Containers(Programs):
    """Generates programs about containers. Names are few, so that they often mean the same."""

    def __init__(self, choices: Choices, vocabulary: Vocabulary) -> None:
        super().__init__(choices, vocabulary)
        self.depth = 0
        self.menu: tuple[str, ...] = STATEMENTS

    def program(self) -> str:
        choices = self.choices
        self.lines += HEADER.split("\n")
        for number in range(choices.between(1, 2)):
            self.lines.append(f"def h{number}(N, zs):")
            self.depth = 1
            self.menu = tuple(choices.pick(STATEMENTS) for _ in range(choices.between(3, 12)))
            for name in ("xs", "ys"):
                self.say(f"{name} = {choices.pick(LIST_SOURCES[:6])}")
            for name in TABLES:
                self.say(f"{name} = {choices.pick(TABLE_SOURCES[:2])}")
            for line in (
                "d = {0: 1}",
                "e = d",
                "k = 1",
                "c = 0",
                "i = 2",
                "P = (0, 1)",
                "Q = [[3, 4]]",
                "f = lambda: 1",
            ):
                self.say(f"if N > 2: {line}" if choices.chance(3) else line)
            for _ in range(choices.between(3, 9)):
                self.statement()
            given = ("c", "xs", "len(ys)", "zs", "m", "(xs, ys)", "[m, d]", "[xs, kept]", "m[0]", "xs[0]")
            self.say(f"return {choices.pick(given)}")
            self.depth = 0
        for number in range(2):
            callee = number if f"def h{number}(N, zs):" in self.lines else 0
            given = choices.pick(("[6, 5, 4, 3]", "[0.5, 1, 2, 3]", "(1, 2, 3, 4)", "[9, 9, 9, 9]"))
            self.say(f"r{number} = h{callee}({choices.pick(('2', '3', '1'))}, {given})")
            self.say(f"print(r{number})")
        return "\n".join(self.lines) + "\n"

    def say(self, text: str) -> None:
        """One line, with its slots filled."""
        self.lines.append("    " * self.depth + self.filled(text))

    def filled(self, text: str, depth: int = 3) -> str:
        """A text with random parts in its slots."""
        choices = self.choices
        parts: dict[str, tuple[str, ...]] = {
            "L": LISTS, "T": TABLES, "D": ("d", "e"), "K": ("k", "i", "N"), "C": ("c", "k"),
            "I": INTS if depth > 0 else ("0", "1", "{K}"), "J": INDEXES, "V": VALUES, "B": TESTS, "S": LIST_SOURCES,
            "U": TABLE_SOURCES,
        }  # fmt: skip
        text = SLOT.sub(lambda found: self.filled(choices.pick(parts[found[1]]), depth - 1), text)
        return text.replace("{{", "{").replace("}}", "}") if depth == 3 else text

    def statement(self) -> None:
        """A statement, perhaps with a block."""
        choices = self.choices
        if self.depth > 4 or choices.chance(60):
            return self.say(choices.pick(self.menu))
        kinds: tuple[Callable[[], None], ...] = (
            self.loop,
            self.loop,
            self.loop,
            self.condition,
            self.condition,
            self.inner,
        )
        return choices.pick(kinds)()

    def block(self, most: int = 3) -> None:
        """The block of a compound statement."""
        self.depth += 1
        for _ in range(self.choices.between(1, most)):
            self.statement()
        self.depth -= 1

    def loop(self) -> None:
        """A loop that may be left early, then a change of what it went through."""
        choices = self.choices
        source = choices.pick(SOURCES)
        is_paired = source.startswith(PAIRED)
        target = "i, u" if is_paired else choices.pick(("i", "i", "i", "c", "xs[0]")) if source != "{T}" else "ys"
        shown = self.filled(source)
        self.say(f"for {target} in {shown}:")
        self.block()
        if choices.chance(40):
            self.depth += 1
            self.say(f"if {{B}}: {choices.pick(('break', 'continue', 'break', 'return xs'))}")
            self.depth -= 1
        if choices.chance(40):
            self.say("{L}.append(1)")

    def condition(self) -> None:
        """An `if`, perhaps with an `else`."""
        self.say("if {B}:")
        self.block(2)
        if self.choices.chance(40):
            self.say("else:")
            self.block(2)

    def inner(self) -> None:
        """A function inside that sees the names outside, called at once and perhaps later."""
        name = self.choices.pick(("f", "g"))
        self.say(f"def {name}(q = {{L}}):")
        self.depth += 1
        body = ("return {L}[{J}]", "{L}.append({I})", "q[0] = {V}", "return q", "return [q, {L}]", "q.append(9)")
        self.say(self.choices.pick(body))
        self.depth -= 1
        uses = (f"{name}()", f"c = {name}()", f"{name}({{L}})", f"show({name}())", f"{{L}} = [{name}() for _ in {{L}}]")
        self.say(self.choices.pick(uses))
