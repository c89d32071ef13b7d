"""Counts and sizes as people write them."""

from __future__ import annotations

import click
import pytest

from flowlang.cli.quantity import Count, Size


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("1", 1),
        ("10_000_000", 10_000_000),
        ("10,000", 10_000),
        ("1e6", 1_000_000),
        ("1.5e3", 1500),
        ("10M", 10_000_000),
        ("10 m", 10_000_000),
        ("2k", 2000),
        ("1Ki", 1024),
        (" 3 ", 3),
    ],
)
def test_counts(text, number):
    assert Count().convert(text, None, None) == number


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("200MB", 200_000_000),
        ("200mb", 200_000_000),
        ("64MiB", 64 << 20),
        ("64mib", 64 << 20),
        ("1.5 GiB", 3 << 29),
        ("1g", 1_000_000_000),
        ("4096", 4096),
        ("512B", 512),
        ("1_000_000", 1_000_000),
    ],
)
def test_sizes(text, number):
    assert Size().convert(text, None, None) == number


@pytest.mark.parametrize(
    "text", ["", "0", "-1", "x", "12x", "1.5", "1e", "10MB", "1i", "1e99", "9" * 99, "0x10", "M", "1 2"]
)
def test_no_counts(text):
    with pytest.raises(click.BadParameter):
        Count().convert(text, None, None)


@pytest.mark.parametrize("text", ["", "0", "0.1", "-1MB", "1XB", "1iB", "nan", "inf", "1MBB"])
def test_no_sizes(text):
    with pytest.raises(click.BadParameter):
        Size().convert(text, None, None)
