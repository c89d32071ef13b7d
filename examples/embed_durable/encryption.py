"""Journals that are unreadable without a key, and how the key is changed.

What runs work with may be nobody else's business: not that of the database's administrator, nor of whoever finds a
backup. With this codec, values are compressed and encrypted before they reach the journal. It needs `cryptography`.

    engine = Engine("app.db", flows="flows/", codec=FernetCodec([new_key, old_key]))

The first key encrypts, all of them decrypt. To change keys, put a new one in front, restart every process, and take the
old one away when no journal holds runs from before. For the command line: FLOWLANG_CODEC=encryption:CODEC, with the
keys in FLOWLANG_KEYS, separated by commas.
"""

from __future__ import annotations

import os
import zlib
from collections.abc import Sequence
from functools import cached_property

from cryptography.fernet import Fernet, InvalidToken, MultiFernet

KEYS_VARIABLE = "FLOWLANG_KEYS"


class FernetCodec:
    """Encrypts with the first of the keys (`Fernet.generate_key()` makes one), and decrypts with any of them."""

    name = "fernet"

    def __init__(self, keys: Sequence[bytes]) -> None:
        self._keys = list(keys)

    def encode(self, payload: bytes) -> bytes:
        """Compressed first: what is encrypted looks like chance, and does not get smaller."""
        return self._fernet.encrypt(zlib.compress(payload, 1))

    def decode(self, encoded: bytes) -> bytes:
        """Raises ValueError for what none of the keys encrypted."""
        try:
            return zlib.decompress(self._fernet.decrypt(encoded))
        except (InvalidToken, zlib.error):
            raise ValueError("none of the keys encrypted this") from None

    @cached_property
    def _fernet(self) -> MultiFernet:
        return MultiFernet([Fernet(key) for key in self._keys])


CODEC = FernetCodec([key.encode() for key in os.environ.get(KEYS_VARIABLE, "").split(",") if key])
