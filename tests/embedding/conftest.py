"""Value types that tests make are gone after them: other tests look at all types there are."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from flowlang.embedding.host_value import HOST_VALUES
from flowlang.lang.values import registration as registration  # the language's own types come first
from flowlang.lang.values.canonical import REFERENCES
from flowlang.lang.values.protocol import VALUE_TYPES


@pytest.fixture(scope="module")
def temporary_types() -> Iterator[None]:
    """What is registered while a module's tests run is forgotten afterwards."""
    before = set(VALUE_TYPES)
    yield
    for python_type in set(VALUE_TYPES) - before:
        del VALUE_TYPES[python_type]
        HOST_VALUES.pop(python_type, None)
        REFERENCES.discard(python_type)
