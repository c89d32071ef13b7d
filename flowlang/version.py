"""The version of flowlang, as a constant: reading it from the installed metadata takes longer than printing it."""

from __future__ import annotations

from typing import Final

__version__: Final = "0.1.0"
