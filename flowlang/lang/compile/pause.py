"""The host's cyclic garbage collector stands still while a module is compiled.

Compiling makes hundreds of thousands of objects that all stay alive until it ends, and none of them in cycles. The
collector would walk through them again and again and find nothing: half of the time of a cold start.

The switch is one for the whole process. When several threads compile at once, the one that found the collector on
turns it on again, perhaps while another still compiles, which only makes that one slower.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def collection_paused() -> Iterator[None]:
    """Switches the collector off, and on again if it was on."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()
