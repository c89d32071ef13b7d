"""Which classes of the host have instances that are values of scripts. `value_type.py` enters them."""

from __future__ import annotations

from typing import Any, Final

HOST_VALUES: Final[dict[type, str]] = {}
"""Class to the name of the type in scripts."""


def is_host_value(python_type: type) -> bool:
    """Whether instances of exactly this class are values of scripts."""
    return python_type in HOST_VALUES


def host_value_name(annotation: Any) -> str | None:
    """The script's name of the type that an annotation names, if it is one of the host's."""
    return HOST_VALUES.get(annotation) if isinstance(annotation, type) else None
