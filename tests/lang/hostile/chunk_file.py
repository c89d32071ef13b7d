"""Files of hostile scripts: many short ones, each below a line that names it and says how it must end.

    ### name: end [key=number ...]

`end` is `ok`, the slug of an error, or the budget that strikes (`steps`, `memory`, `depth`, `output`); several are
separated by `|`. The keys set budgets. A line `### file NAME` begins another module of the same script. `{{{ ... }}}`
stands for what the expression inside gives, for texts too long to write down.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path

import attrs

HEADER = re.compile(r"^### (?P<name>[^:\n]+): (?P<ends>\S+)(?P<settings>(?: \w+=\d+)*)$", re.M)
MODULE = re.compile(r"^### file (\S+)\n", re.M)
GENERATED = re.compile(r"\{\{\{(.+?)\}\}\}")


@attrs.frozen
class Chunk:
    """One script. `ends`: the ways in which it may end."""

    name: str
    ends: tuple[str, ...]
    settings: Mapping[str, int]
    text: str

    def number(self, key: str, default: int) -> int:
        """A setting."""
        return self.settings.get(key, default)

    def modules(self, entry: str) -> dict[str, str]:
        """The texts of the script's modules by name."""
        first, *others = MODULE.split(self.text)
        return {entry: first, **dict(zip(others[::2], others[1::2], strict=True))}


def read_chunks(path: Path) -> Iterator[Chunk]:
    """The scripts of a file."""
    text = path.read_text(encoding="utf-8")
    headers = list(HEADER.finditer(text))
    ends = [header.start() for header in headers[1:]] + [len(text)]
    for header, end in zip(headers, ends, strict=True):
        settings = dict(setting.split("=") for setting in header["settings"].split())
        script = GENERATED.sub(lambda found: str(eval(found[1])), text[header.end() + 1 : end])
        numbers = {key: int(value) for key, value in settings.items()}
        yield Chunk(header["name"], tuple(header["ends"].split("|")), numbers, script)
