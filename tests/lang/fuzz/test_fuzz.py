"""A short run of the fuzz targets, the same each time, and everything that the long ones have found."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import fuzz_target
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

CORPUS = sorted((Path(__file__).parent / "corpus").glob("*-*"))
SETTINGS = settings(max_examples=100, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))

json_data = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner, max_size=4),
    max_leaves=12,
)
json_texts = st.builds(json.dumps, json_data, ensure_ascii=st.booleans())
number_texts = st.text("0123456789+-._eExobinfa ", max_size=12)
template_texts = st.lists(
    st.sampled_from(["{", "}", "%", "(", ")", "x", "0", "1", "!", "r", "s", "d", ":", ".", "[", "]"])
)


@pytest.mark.parametrize("path", CORPUS, ids=lambda path: path.name)
def test_what_was_found(path: Path) -> None:
    target = fuzz_target.TARGETS[path.name.partition("-")[0]]
    target(path.read_bytes())


@SETTINGS
@given(st.binary(max_size=200) | st.text(max_size=200).map(lambda text: text.encode("utf-8", "surrogatepass")))
def test_parser(data: bytes) -> None:
    fuzz_target.parser(data)


@SETTINGS
@given(st.binary(min_size=1, max_size=40))
def test_compiler(data: bytes) -> None:
    fuzz_target.compiler(data)


@SETTINGS
@given(
    st.binary(max_size=60)
    | st.one_of(json_texts, number_texts, template_texts.map("".join)).map(lambda text: text.encode("utf-8", "replace"))
)
@example(b'{"$dict":[[1,2]]}')
@example(b'{"$set":[1,1]}')
def test_conversion(data: bytes) -> None:
    fuzz_target.conversion(data)


def damaged(text: str, damage: Callable[[str], str]) -> bytes:
    return damage(text).encode("utf-8", "replace")


@SETTINGS
@given(json_texts, st.integers(0, 60), st.text(max_size=3))
def test_damaged_json(text: str, place: int, piece: str) -> None:
    fuzz_target.conversion(damaged(text, lambda whole: whole[:place] + piece + whole[place + 1 :]))
