"""Importing this module makes all types of values known: each module of a type registers its table when it is
imported. Whoever asks `VALUE_TYPES` imports it first."""

from __future__ import annotations

from flowlang.lang.values import (
    atom,
    bytes,
    callable,
    dict,
    duration,
    list,
    range,
    result,
    set,
    struct,
    text,
    text_operation,
    time,
    tuple,
)

TYPE_MODULES = (
    atom, bytes, callable, dict, duration, list, range, result, set, struct, text, text_operation, time, tuple,
)  # fmt: skip
