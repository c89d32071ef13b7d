"""Text that is written piece by piece and may become long: what `repr` and `json.encode` write into.

A structure that shares its parts is exponentially longer as text than in memory, so what is written is charged block
by block while the walk goes on, and meets the budget early. The pieces of a block are joined when it is charged: a
million pieces of one character each would take many times the memory of the text.
"""

from __future__ import annotations

from typing import Final

from flowlang.lang.values.fault import Fault
from flowlang.lang.values.meter import charge
from flowlang.lang.values.size import text_size

BLOCK: Final = 4096
"""Characters between two charges."""
LENGTH_MAX: Final = 1 << 28
"""Characters in one text, also where no budget rules."""


class TextWriter:
    """Appends to `pieces`, the first `packed` of which are whole blocks; `length` counts what is not charged yet, and
    `total` what is."""

    __slots__ = ("length", "packed", "pieces", "total")

    def __init__(self) -> None:
        self.pieces: list[str] = []
        self.packed = 0
        self.length = 0
        self.total = 0

    def add(self, text: str) -> None:
        """Appends a piece."""
        self.pieces.append(text)
        self.length += len(text)
        if self.length > BLOCK:
            self.pay()

    def pay(self) -> None:
        """Charges what was written since the last time, and packs it into one piece."""
        self.total += self.length
        if self.total > LENGTH_MAX:
            raise Fault("text-too-long", f"the text of the value has more than {LENGTH_MAX} characters")
        block = "".join(self.pieces[self.packed :])
        self.pieces[self.packed :] = [block]
        self.packed += 1
        charge(self.length >> 1, text_size(block))
        self.length = 0

    def finish(self) -> str:
        """The whole text."""
        self.pay()
        if len(self.pieces) > 1:
            charge(0, self.total if all(map(str.isascii, self.pieces)) else 4 * self.total)
        return "".join(self.pieces)
