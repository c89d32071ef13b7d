"""Writes trees of the host's lists, dicts and atoms as the text of canonical bytes."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection
from typing import Any, Final

from flowlang.lang.values.meter import charge

LONG_INT: Final = 10**18
"""Longer ints are written one by one, and charged by their length."""
ATOMS_MAX: Final = 16
SHORT_TEXT: Final = 256
"""So few and short atoms are written without much ado."""


def _make_write() -> Callable[[Any], str]:
    """What writes a tree. The host's encoder makes its C part anew for every tree; here it is made once, if the host
    has one."""
    plain = json.JSONEncoder(ensure_ascii=False, check_circular=False, allow_nan=False, separators=(",", ":"))
    make = getattr(json.encoder, "c_make_encoder", None)
    if make is None:
        return plain.encode
    parts = make(None, plain.default, json.encoder.encode_basestring, None, ":", ",", False, False, False)
    return lambda tree: "".join(parts(tree, 0))


write: Final = _make_write()
"""The JSON text of a tree of the host."""


def encode_atoms(tree: Any, atoms: Collection[Any]) -> bytes | None:
    """The canonical bytes of `atoms`, which stand in a tree of the host's lists and dicts that has no other values and
    only names as keys. None when one of them is large, or of a rarer type: `encode` knows what to do then."""
    if len(atoms) > ATOMS_MAX:
        return None
    for atom in atoms:
        kind = type(atom)
        if kind is str:
            if len(atom) > SHORT_TEXT or not atom.isascii():
                return None
        elif kind is int:
            if not -LONG_INT < atom < LONG_INT:
                return None
        elif kind is not bool and atom is not None:
            return None
    data = write(tree).encode()
    charge(1 + (len(data) >> 6))
    return data
