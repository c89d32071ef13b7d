"""`statically_frozen`: `attrs.frozen` for the few small values that are made at every step of a run.

To the type checker it is `attrs.frozen`, so nobody changes such a value. At run time nothing guards it: a guarded class
sets its fields one by one through a function of `object`, for three times as long, and a run spends a tenth of its time
in that. Equality, hash and text are those of a frozen class.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from attrs import frozen as statically_frozen
else:
    from functools import partial

    import attrs

    statically_frozen = partial(attrs.define, unsafe_hash=True)

__all__ = ["statically_frozen"]
