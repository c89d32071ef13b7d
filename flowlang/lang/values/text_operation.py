"""Concatenation and repetition of strings and bytes, with their cost predicted from lengths alone."""

from __future__ import annotations

from flowlang.lang.values.meter import charge
from flowlang.lang.values.operation import register_operation
from flowlang.lang.values.size import bytes_size, text_size


def concatenate_text(left: str, right: str) -> str:
    """`left + right` of strings."""
    charge((len(left) + len(right)) >> 8, text_size(left) + text_size(right))
    return left + right


def repeat_text(left: str, times: int) -> str:
    """`left * times` of a string."""
    if times <= 0 or not left:
        return ""
    charge((len(left) * times) >> 8, text_size(left) + (text_size(left) - text_size("")) * (times - 1))
    return left * times


def concatenate_bytes(left: bytes, right: bytes) -> bytes:
    """`left + right` of bytes."""
    count = len(left) + len(right)
    charge(count >> 8, bytes_size(count))
    return left + right


def repeat_bytes(left: bytes, times: int) -> bytes:
    """`left * times` of bytes."""
    if times <= 0 or not left:
        return b""
    count = len(left) * times
    charge(count >> 8, bytes_size(count))
    return left * times


register_operation("+", [str], [str], concatenate_text)
register_operation("*", [str], [int], repeat_text)
register_operation("*", [int], [str], lambda times, right: repeat_text(right, times))
register_operation("+", [bytes], [bytes], concatenate_bytes)
register_operation("*", [bytes], [int], repeat_bytes)
register_operation("*", [int], [bytes], lambda times, right: repeat_bytes(right, times))
