"""Programs whose functions pass containers to one another: what clones of functions have to get right.

A caller makes a few containers, tells nobody else of them, and hands them to functions that read them, change them,
share them, put them into each other, give them back, and pass them on, also to themselves and also in a loop over
them. Every program is made of few kinds of statements, so that most containers never leave the functions.
"""

from __future__ import annotations

import re

from reference.choice import Choices
from reference.program import Programs
from reference.vocabulary import Vocabulary

SLOT = re.compile(r"\{([A-Z])\}")
MADE = {
    "xs": ("[1, 2, 3]", "[0] * 4", "[i for i in range(4)]", "[]", "[5]", "[k, 2]"),
    "ys": ("[4, 5]", "[7, 8, 9, 10]", "[0] * 3", "['a', 'b']", "[0.5, 1]"),
    "m": ("[[1, 2], [3, 4], [5, 6]]", "[[0] * 3 for _ in range(3)]", "[[]]", "[[k], [k]]"),
    "d": ("{{0: 1, 1: 2}}", "{{}}", "{{'a': 1}}", "{{i: i for i in range(4)}}", "{{(1, 2): 3, (0, 1): 2}}"),
    "e": ("{{0: [1], 1: [2, 3]}}", "{{}}", "{{'k': []}}", "{{i: [i] for i in range(3)}}"),
    "c": ("0", "1", "k"),
}
"""What each name that is no parameter begins as."""
SIGNATURES = (
    ("xs", "k"), ("xs", "ys", "k"), ("m", "xs", "k"), ("d", "xs", "k"), ("d", "k"), ("e", "xs", "k"), ("m", "k"),
    ("m", "e", "k"), ("xs", "c", "k"), ("d", "e", "k"), ("xs", "ys", "m", "k"),
)  # fmt: skip
PARTS = {
    "L": ("xs", "ys", "xs", "ys", "m[{J}]", "e[{K}]"),
    "N": ("xs", "ys"),
    "J": ("0", "1", "-1", "k", "k & 1", "c"),
    "K": ("0", "1", "k", "'k'", "k + 1", "(k, 1)", "c"),
    "I": ("0", "1", "k", "c", "{N}[{J}]", "len({L})", "m[{J}][{J}]", "d[{K}]", "d.get({K}, 3)", "k * 3", "{N}[0] + 1"),
    "V": ("{I}", "{I}", "'s'", "None", "2.5", "(1, {I})", "True", "[{I}]", str(2**61), "{N}", "{{'k': {N}}}"),
    "X": ("{I}", "{N}", "{N}", "m", "d", "e", "{N}, {N}", "m[{J}]", "[{N}, {N}]", "{I}, {N}", "e[{K}]"),
    "F": ("{N}", "{N}", "m", "d", "e", "range(3)", "enumerate({N})", "zip({N}, {N})", "d.items()", "m[{J}]", "e[{K}]"),
    "B": ("{I} > 1", "{I} in {N}", "{K} in d", "{N} == {N}", "{N}", "len({N}) > 3", "k & 1 == 0", "{I} == {I}"),
}  # fmt: skip
"""What may stand in a slot."""
STATEMENTS = (
    "{N}[{J}] = {I}", "{N}[{J}] += {I}", "{N}.append({I})", "{N}.append({V})", "{N} = {N}", "{N} = {L}", "{N}.pop()",
    "{N}, {N} = {N}, {N}", "m[{J}][{J}] = {I}", "m[{J}][{J}] += {I}", "m[{J}] = {N}", "m.append({N})", "e[{K}] = {N}",
    "d[{K}] = {I}", "d[{K}] += {I}", "d[{K}] = {V}", "c = {I}", "c += {I}", "c = c * 2 + {I}", "{N} += {N}",
    "{N} += [{V}]", "m[{J}] += [{V}]", "m[{J}] += {N}", "e[{K}] += [{I}]", "e[{K}] |= {{1: {N}}}", "d |= {{1: {N}}}",
    "({N}, c), c = ({N}, {I}), {I}", "({N}, {N}), c = ({N}, {N}), 1", "{N} = max({N}, {N})", "c = min({I}, {I})",
    "{N} = [u for u in {N}]", "m = [[u] for u in {N}]", "m = [{N}, {N}]", "e = {{0: {N}}}", "{N} = list({N})",
    "{N} = sorted({N})", "{N} = {N}[1:]", "e = {{}}", "m = m", "print(str({N}), {I})", "print(str(m), {I} in {N})",
    "print({N} == {N}, {K} in d)", "print(str(d), str(e))", "c, {N}[{J}] = {I}, {I}", "{N}[{J}], c = {I}, {I}",
    "m[{J}].append({I})", "e[{K}].append({V})", "c = {N}.pop()", "{N} = m.pop()", "{N} = e.get({K}, {N})",
    "{N} = e.pop({K}, {N})", "{N} = {N} if {B} else {N}", "{N} = {N} or {N}", "c = len(m) + len(d)", "c = d",
    "{N} = [m[{J}][{J}] for _ in {N}]", "m[{J}], m[{J}] = m[{J}], m[{J}]", "{N} = m", "{N} = [{N}][0]",
)  # fmt: skip
CALLS = ("{Q}", "c = {Q}", "{N} = {Q}", "m = {Q}", "{N} = {Q}", "m.append({Q})", "{N}, c = {Q}", "c = {Q} + {Q}")
"""Ways to use a call."""


class Passing(Programs):
    """Generates programs about functions that share containers with their callers alone."""

    def __init__(self, choices: Choices, vocabulary: Vocabulary) -> None:
        super().__init__(choices, vocabulary)
        self.menu: tuple[str, ...] = STATEMENTS
        self.signatures: list[tuple[str, ...]] = []

    def program(self) -> str:
        choices = self.choices
        self.menu = tuple(choices.pick(STATEMENTS) for _ in range(choices.between(3, 9)))
        self.signatures = [choices.pick(SIGNATURES) for _ in range(choices.between(1, 4))]
        functions = [self.function(number) for number in range(len(self.signatures))]
        if choices.chance(30):
            functions.reverse()
        body = [*self.block(1, choices.between(2, 6)), f"    return {self.filled('{X}')}"]
        functions.append(["def go(k):", *self.beginning(body, ("k",)), *body])
        self.lines += [line for function in functions for line in function]
        self.lines += [f"r = go({choices.between(1, 3)})", "print(r)"]
        return "\n".join(self.lines) + "\n"

    def function(self, number: int) -> list[str]:
        """One function that ends when `k` does."""
        signature = self.signatures[number]
        choices = self.choices
        body = self.block(1, choices.between(1, 4))
        if choices.chance(75):
            body.append(f"    return {self.filled('{X}')}")
        if choices.chance(15):
            body.append(f"    g = lambda: {self.filled('{N}')}")
        stop = [f"    if k < 1: return {self.filled('{X}')}"]
        made = self.beginning([*stop, *body], signature)
        return [f"def f{number}({', '.join(signature)}):", *made, *stop, *body]

    def beginning(self, body: list[str], given: tuple[str, ...]) -> list[str]:
        """Makes what a body uses and is not given."""
        words = set(re.findall(r"\b[a-z]+\b", "\n".join(body)))
        lines = []
        for name, values in MADE.items():
            if name in words and name not in given:
                lines.append(f"    {name} = {self.filled(self.choices.pick(values))}")
        return lines

    def filled(self, text: str, depth: int = 4) -> str:
        """A text with random parts in its slots."""

        def part(found: re.Match[str]) -> str:
            slot = found[1]
            if slot == "Q":
                return self.call()
            choices = PARTS[slot]
            return self.filled(self.choices.pick(choices if depth > 0 else choices[:2]), depth - 1)

        text = SLOT.sub(part, text)
        return text.replace("{{", "{").replace("}}", "}") if depth == 4 else text

    def call(self) -> str:
        """A call of one of the functions, with names of the caller's."""
        choices = self.choices
        number = choices.below(len(self.signatures))
        given = {"xs": ("xs", "ys", "m[0]"), "ys": ("xs", "ys"), "m": ("m",), "d": ("d",), "e": ("e",), "c": ("c", "1")}
        values = [choices.pick(given[name]) for name in self.signatures[number][:-1]]
        return f"f{number}({', '.join([*values, 'k - 1'])})"

    def block(self, depth: int, count: int) -> list[str]:
        """So many statements, some of which have blocks."""
        choices = self.choices
        indent = "    " * depth
        lines: list[str] = []
        for _ in range(count):
            if depth < 4 and choices.chance(25):
                source = self.filled("{F}")
                target = (
                    "i, c" if source.startswith(("enumerate", "zip", "d.items")) else choices.pick(("c", "c", "ys"))
                )
                header = f"for {target} in {source}:" if choices.chance(65) else f"if {self.filled('{B}')}:"
                lines += [indent + header, *self.block(depth + 1, choices.between(1, 2))]
            elif choices.chance(35):
                lines.append(indent + self.filled(choices.pick(CALLS)))
            else:
                lines.append(indent + self.filled(choices.pick(self.menu)))
        return lines
