"""The blocks of the documents that are scripts, and what they say about themselves; `spec/language.md` tells how.

`EXPRESSION  # -> VALUE` and `EXPRESSION  # fails: SLUG` become assertions on the same line, so a block that says
something else than the implementation fails with the line of the document.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import attrs

from flowlang.lang.resolve.dialect import FLOW, STANDARD, Dialect
from flowlang.lang.values.meter import Budget

ROOT = Path(__file__).parents[2]
DOCUMENTS = [ROOT / "README.md", *sorted((ROOT / "spec").rglob("*.md"))]
LANGUAGE_PAGES = ("language.md", "types.md", "universe.md", "flows.md", "signals.md", "limits.md")
FENCE = re.compile(r"^```(?P<language>[a-z]*)\n(?P<text>.*?)^```$", re.M | re.S)
VALUE = re.compile(r"^(?P<indent> *)(?P<given>.*?) +# -> (?P<expected>.*)$")
FAILS = re.compile(r"^(?P<indent> *)(?P<given>.*?) +# fails: (?P<kind>[a-z-]+)(?: \"(?P<text>[^\"]*)\")?$")
PRINTS = re.compile(r"(?:^|  )# prints: (?P<text>.*)$")
REPORTS = re.compile(r" +# (?P<severity>error|warning): (?P<kind>[a-z-]+)(?: \"(?P<text>[^\"]*)\")?$")
STOPS = re.compile(r"^# stops: (?P<limit>[a-z]+)(?P<budget>(?: \w+=\d+)*)$", re.M)
SIGNAL = re.compile(r"^# signal: (?P<name>\S+)(?: (?P<payload>.+))?$", re.M)
DECISION = re.compile(r"^# decide: (?P<gate>\S+)(?: (?P<payload>.+))?$", re.M)
FILE = re.compile(r"\A# file: (?P<name>\S+)\n")
DIALECT = re.compile(r"\A# dialect: (?P<name>.+)\n")
ENTRY = "main.flow"
BUDGET = Budget(steps=1_000_000, memory_bytes=50_000_000)
PAGES: Mapping[str, tuple[Dialect, ...]] = {
    "spec/language.md": (FLOW,), "spec/limits.md": (FLOW,),
    "spec/types.md": (STANDARD, FLOW), "spec/universe.md": (STANDARD, FLOW),
}  # fmt: skip
"""The dialects of pages whose blocks are evaluated alone. Those of other pages are real runs."""


@attrs.frozen
class Expected:
    """Something that a block says will be reported, with a part of the message."""

    module: str
    line: int
    severity: str
    kind: str
    text: str


@attrs.frozen
class Block:
    """One block of a document: its first line in it, and the modules that stand before it."""

    document: str
    line: int
    text: str
    modules: dict[str, str]

    @property
    def dialects(self) -> tuple[Dialect, ...]:
        """The dialects in which the block is evaluated alone; none for a real run."""
        named = DIALECT.match(self.text)
        if named is not None:
            return (Dialect.named(named["name"]),)
        return PAGES.get(self.document, ())

    @property
    def stop(self) -> tuple[str, Budget] | None:
        """The limit that stops the block, and the budget under which it does."""
        found = STOPS.search(self.text)
        if found is None:
            return None
        changes = {name: int(number) for name, number in (part.split("=") for part in found["budget"].split())}
        return found["limit"], attrs.evolve(BUDGET, **changes)

    @property
    def signals(self) -> list[tuple[str, Any]]:
        """The signals that the block's run finds in its inbox: `# signal: NAME JSON`."""
        return [(found["name"], json.loads(found["payload"] or "null")) for found in SIGNAL.finditer(self.text)]

    @property
    def decisions(self) -> dict[str, Any]:
        """How the gates that the block opens are decided: `# decide: GATE JSON`."""
        return {found["gate"]: json.loads(found["payload"] or "null") for found in DECISION.finditer(self.text)}

    @property
    def sources(self) -> dict[str, str]:
        """The block and its modules, with assertions in place of what they say."""
        return {name: executable(text) for name, text in {**self.modules, ENTRY: self.text}.items()}

    @property
    def printed(self) -> list[str]:
        """The lines that the block prints."""
        return [found["text"] for line in self.text.split("\n") if (found := PRINTS.search(line))]

    def expected(self, read: Mapping[str, object] | set[str]) -> list[Expected]:
        """What is to be reported, given the names of the modules that were read."""
        modules = {**self.modules, ENTRY: self.text}
        return sorted(
            (
                Expected(name, number, found["severity"], found["kind"], found["text"] or "")
                for name in modules.keys() & set(read)
                for number, line in enumerate(modules[name].split("\n"), 1)
                if (found := REPORTS.search(line))
            ),
            key=attrs.astuple,
        )


def blocks() -> Iterator[Block]:
    """The blocks of all documents that are scripts."""
    for path in DOCUMENTS:
        document = path.read_text(encoding="utf-8")
        modules: dict[str, str] = {}
        for fence in FENCE.finditer(document):
            if fence["language"] != "flow":
                continue
            named = FILE.match(fence["text"])
            if named is not None:
                modules[named["name"]] = fence["text"]
            else:
                line = document.count("\n", 0, fence.start("text")) + 1
                yield Block(path.relative_to(ROOT).as_posix(), line, fence["text"], dict(modules))


def executable(text: str) -> str:
    """The text with what it says of its expressions as assertions, on the same lines."""
    lines = []
    for line in text.split("\n"):
        if (stated := VALUE.match(line)) is not None:
            line = f"{stated['indent']}assert.eq(({stated['given']}), ({stated['expected']}))"
        elif (stated := FAILS.match(line)) is not None:
            arguments = f'"{stated["kind"]}", {stated["text"] or ""!r}'
            line = f"{stated['indent']}assert.fails(lambda: ({stated['given']}), {arguments})"
        lines.append(line)
    return "\n".join(lines)
