"""Declaring actions and checking calls of them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any, Literal

import pytest

from flowlang.lang.values.convert import from_host
from flowlang.lang.values.fault import Fault
from flowlang.runtime.action import (
    ActionContext,
    ActionRegistry,
    ActionSpec,
    action,
    bind,
    signature_digest,
    signature_text,
)


@action(name="shop.orders", timeout=timedelta(seconds=5))
def orders(
    context: ActionContext,
    day: str,
    limit: int = 100,
    *,
    weights: list[float] | None = None,
    labels: dict[str, list[str]] | None = None,
    order: Literal["asc", "desc"] = "asc",
    pair: tuple[int, str] = (1, "a"),
) -> list[dict[str, Any]]:
    """The orders of a day."""
    return [{"day": day, "limit": limit}]


@action
def total(values: Sequence[int], names: Mapping[str, int]) -> int | float | None:
    return sum(values)


@action(inline=True, timeout=None)
def anything(x, y=2):  # type: ignore[no-untyped-def]
    return x


def check(spec: ActionSpec[..., Any], *positional: Any, **keywords: Any) -> dict[str, Any]:
    given = {name: from_host(value) for name, value in keywords.items()}
    return bind(spec, [from_host(value) for value in positional], given).arguments


def fault(spec: ActionSpec[..., Any], *positional: Any, **keywords: Any) -> Fault:
    with pytest.raises(Fault) as caught:
        check(spec, *positional, **keywords)
    assert caught.value.slug == "action-argument"
    assert caught.value.data["action"] == spec.name
    return caught.value


def test_what_a_declaration_says() -> None:
    assert orders.name == "shop.orders"
    assert orders.doc == "The orders of a day."
    assert orders.takes_context
    assert orders.timeout == timedelta(seconds=5)
    assert not orders.inline
    assert [parameter.name for parameter in orders.parameters] == ["day", "limit", "weights", "labels", "order", "pair"]
    assert total.name == "total"
    assert total.timeout == timedelta(seconds=60)
    assert not total.takes_context
    assert anything.inline


def test_signatures() -> None:
    assert signature_text(orders) == (
        "shop.orders(day: string, limit: int = 100, *, weights: list[float] or None = None, "
        'labels: dict[string, list[string]] or None = None, order: "asc" or "desc" = "asc", '
        "pair: tuple[int, string] = (1, 'a')) -> list[dict]"
    )
    assert signature_text(total) == "total(values: list[int], names: dict[string, int]) -> int or float or None"
    assert signature_text(anything) == "anything(x: any, y: any = 2) -> any"


def test_digests_follow_signatures() -> None:
    @action(name="anything")
    def same(x: Any, y: Any = 2) -> Any:
        return None

    @action(name="anything")
    def other(x: Any, y: int = 2) -> Any:
        return None

    assert signature_digest(same) == signature_digest(anything)
    assert signature_digest(other) != signature_digest(anything)


def test_a_spec_can_be_called_as_python() -> None:
    assert total([1, 2], {}) == 3
    assert anything(5) == 5


def test_only_given_arguments_are_bound() -> None:
    assert check(orders, "monday") == {"day": "monday"}
    assert check(orders, "monday", 5, order="desc") == {"day": "monday", "limit": 5, "order": "desc"}
    assert check(orders, limit=5, day="monday") == {"day": "monday", "limit": 5}
    assert list(check(orders, limit=5, day="monday")) == ["day", "limit"]


def test_timeout_is_split_off() -> None:
    bound = bind(orders, ["monday"], {"timeout": 1.5})
    assert bound.arguments == {"day": "monday"}
    assert bound.timeout == timedelta(seconds=1.5)
    assert bind(orders, ["monday"], {}).timeout is None
    assert bind(orders, ["monday"], {"timeout": None}).timeout is None


@pytest.mark.parametrize("timeout", [0, -1, "5", True, float("inf"), float("nan"), 1e9])
def test_timeouts_that_make_no_sense(timeout: Any) -> None:
    found = fault(orders, "monday", timeout=timeout)
    assert found.message == "`shop.orders` was given a `timeout` that makes no sense"
    assert found.hint == "give seconds, like `timeout = 30`"


@pytest.mark.parametrize(
    ("positional", "keywords", "message"),
    [
        ([], {}, "`shop.orders` needs the argument `day`"),
        (["a", 1, 2], {}, "`shop.orders` takes at most 2 positional arguments, 3 were given"),
        (["a"], {"day": "b"}, "`shop.orders` was given the argument `day` twice"),
        (["a"], {"limt": 1}, "`shop.orders` has no argument `limt`"),
        ([1], {}, "`shop.orders` needs string for `day`, not int"),
        (["a", True], {}, "`shop.orders` needs int for `limit`, not bool"),
        (["a", 1.0], {}, "`shop.orders` needs int for `limit`, not float"),
        (["a"], {"weights": [1, 2.5, "x"]}, "`shop.orders` needs float for `weights[2]`, not string"),
        (["a"], {"weights": "x"}, "`shop.orders` needs list[float] or None for `weights`, not string"),
        (["a"], {"labels": {"x": ["y", None]}}, '`shop.orders` needs string for `labels["x"][1]`, not NoneType'),
        (["a"], {"labels": {1: []}}, "`shop.orders` needs dict[string, list[string]] or None for `labels`, not dict"),
        (["a"], {"order": "up"}, '`shop.orders` needs "asc" or "desc" for `order`, not "up"'),
        (["a"], {"order": 1}, '`shop.orders` needs "asc" or "desc" for `order`, not 1'),
        (["a"], {"pair": (1,)}, "`shop.orders` needs tuple[int, string] for `pair`, not tuple of 1"),
        (["a"], {"pair": (1, 2)}, "`shop.orders` needs string for `pair[1]`, not int"),
        (["a"], {"pair": [1, "b"]}, "`shop.orders` needs tuple[int, string] for `pair`, not list"),
    ],
)
def test_calls_that_do_not_fit(positional: list[Any], keywords: dict[str, Any], message: str) -> None:
    assert fault(orders, *positional, **keywords).message == message


def test_hints_of_wrong_calls() -> None:
    assert fault(orders, "a", limt=1).hint == "did you mean `limit`?"
    assert fault(orders, "a", timout=1).hint == "did you mean `timeout`?"
    assert fault(orders, 5).hint == "use `str(...)` to turn a value into text"
    assert fault(total).hint == f"it is `{signature_text(total)}`"


def test_sets_are_no_dicts_and_ints_are_floats() -> None:
    assert "not set" in fault(total, [1], {1, 2}).message
    assert check(orders, "a", weights=[1, 2])["weights"] == [1, 2]
    assert check(total, [], {}) == {"values": [], "names": {}}


@pytest.mark.parametrize(
    "declare",
    [
        lambda: action(lambda *items: None),
        lambda: action(name="a")(lambda **items: None),
        lambda: action(name="a b")(lambda: None),
        lambda: action(name="ä")(lambda: None),
        lambda: action(name="a..b")(lambda: None),
        lambda: action(name="a")(lambda timeout: None),
        lambda: action(lambda: None),
    ],
)
def test_functions_that_cannot_be_actions(declare: Any) -> None:
    with pytest.raises(TypeError):
        declare()


def test_annotations_that_cannot_be_data() -> None:
    def dated(day: complex) -> None: ...
    def keyed(table: dict[int, str]) -> None: ...
    def bytewise(kind: Literal[b"x"]) -> None: ...
    def produced() -> ActionContext: ...  # type: ignore[empty-body]
    def positional(x: int, /) -> None: ...
    def generator() -> Any:
        yield 1

    async def quick() -> None: ...

    for function in (dated, keyed, bytewise, produced, positional, generator):
        with pytest.raises(TypeError, match=function.__name__):
            action(function)
    with pytest.raises(TypeError, match="inline"):
        action(inline=True)(quick)


def test_the_registry_finds_actions_and_namespaces() -> None:
    registry = ActionRegistry([orders, total, anything])
    assert registry.lookup("shop.orders") is orders
    assert registry.get("shop") is None
    assert registry.members() == ["shop", "total", "anything"]
    assert registry.members("shop") == ["orders"]
    assert registry.members("total") is None
    assert "total" in registry
    assert [spec.name for spec in registry] == ["shop.orders", "total", "anything"]


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("shop.order", "did you mean `shop.orders`?"),
        ("totl", "did you mean `total`?"),
        ("orders", "did you mean `shop.orders`?"),
        ("stock.total", "did you mean `total`?"),
        ("shop.zzz", "`shop` has `orders`"),
        ("zzz.zzz", "known are `shop`, `total`, `anything`"),
    ],
)
def test_unknown_actions_get_a_guess(name: str, hint: str) -> None:
    with pytest.raises(Fault) as caught:
        ActionRegistry([orders, total, anything]).lookup(name)
    assert caught.value.slug == "unknown-action"
    assert caught.value.hint == hint


def test_names_must_be_unambiguous() -> None:
    @action(name="shop")
    def shop() -> None: ...

    with pytest.raises(ValueError, match="two actions"):
        ActionRegistry([orders, orders])
    with pytest.raises(ValueError, match="`shop` is an action"):
        ActionRegistry([orders, shop])


def test_replacing_actions() -> None:
    @action(name="total")
    def fake() -> int:
        return 0

    registry = ActionRegistry([orders, total])
    assert registry.replaced([fake, anything]).lookup("total") is fake
    assert "anything" not in registry
    assert registry.lookup("total") is total


def test_spans_are_timedeltas_or_seconds() -> None:
    @action(timeout=5, heartbeat_timeout=0.5)
    def beats() -> None: ...

    assert (beats.timeout, beats.heartbeat_timeout) == (timedelta(seconds=5), timedelta(seconds=0.5))

    @action(timeout=None, heartbeat_timeout=timedelta(minutes=1))
    def waits() -> None: ...

    assert (waits.timeout, waits.heartbeat_timeout) == (None, timedelta(minutes=1))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"timeout": "5s"}, "`timeout` of action `made` is a timedelta or seconds, not str"),
        ({"timeout": True}, "`timeout` of action `made` is a timedelta or seconds, not bool"),
        ({"timeout": 0}, "`timeout` of action `made` is above 0 and at most 30 days"),
        ({"heartbeat_timeout": timedelta(days=31)}, "`heartbeat_timeout` of action `made` is above 0"),
        ({"retry": 3}, "`retry` of action `made` is a flowlang.Retry, not int"),
        ({"isolation": "proces"}, '`isolation` of action `made` is "thread" or "process", not \'proces\''),
    ],
)
def test_options_that_make_no_sense_are_refused_at_once(options: dict[str, Any], message: str) -> None:
    def made() -> None: ...

    with pytest.raises(TypeError, match=re.escape(message)):
        action(**options)(made)
