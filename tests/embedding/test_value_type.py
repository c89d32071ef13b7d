"""Values of the host's own types: what is named can be reached, and nothing else."""

from __future__ import annotations

from typing import Any

import pytest

from flowlang import BuiltinError, EvaluationError, Interpreter, Module, builtin, value_type


class Money:
    secret = "do not show"

    def __init__(self, amount: int, currency: str) -> None:
        self.amount = amount
        self.currency = currency
        self.token = "hidden"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Money) and (self.amount, self.currency) == (other.amount, other.currency)

    def __hash__(self) -> int:
        return hash((self.amount, self.currency))

    def plus(self, other: Money, *, bonus: int = 0) -> Money:
        return Money(self.amount + other.amount + bonus, self.currency)

    def apply(self, function: Any) -> Any:
        return function(self.amount)

    def broken(self) -> None:
        raise RuntimeError(self.token)

    def refuse(self) -> None:
        raise BuiltinError("refused", "no")

    def steal(self) -> str:
        return self.token


class Basket:
    def __init__(self) -> None:
        self.items: list[str] = []
        self.is_sealed = False

    def add(self, item: str) -> None:
        if self.is_sealed:
            raise BuiltinError("frozen-value", "the basket is sealed")
        self.items.append(item)

    def seal(self) -> None:
        self.is_sealed = True


def money(amount: int, currency: str = "EUR") -> Money:
    return Money(amount, currency)


def doubled(value: Money) -> Money:
    return Money(value.amount * 2, value.currency)


BUILTINS: dict[str, object] = {}


@pytest.fixture(autouse=True, scope="module")
def types(temporary_types: None) -> None:
    value_type(
        name="money", fields=("amount", "currency"), methods=("plus", "apply", "broken", "refuse"), key=True,
        text=lambda money: f"money({money.amount} {money.currency})",
    )(Money)  # fmt: skip
    value_type(fields=("items",), methods=("add",), freeze="seal")(Basket)
    BUILTINS.update(money=builtin(money), doubled=builtin(doubled))


def evaluate(text: str, **predeclared: object) -> Module:
    return Interpreter(predeclared={**BUILTINS, **predeclared}).evaluate(text)


def test_fields_methods_text_and_type() -> None:
    module = evaluate(
        "m = money(3)\na = [m.amount, m.currency]\nb = str(m)\nc = type(m)\nd = m.plus(money(4), bonus = 1)\n"
        "e = dir(m)\nf = m.apply(lambda x: x * 10)\ng = [m]\nh = doubled(m).amount\n"
        "i = getattr(m, 'amount')\nj = hasattr(m, 'currency')\nk = m.plus\nl = k(m).amount\n"
    )
    values = dict(module.globals)
    assert values["m"] == Money(3, "EUR")
    assert values["a"] == [3, "EUR"]
    assert values["b"] == "money(3 EUR)"
    assert values["c"] == "money"
    assert values["d"].amount == 8
    assert values["e"] == ["amount", "apply", "broken", "currency", "plus", "refuse"]
    assert values["f"] == 30
    assert values["g"][0] is values["m"]
    assert (values["h"], values["i"], values["j"], values["l"]) == (6, 3, True, 6)


NAMES = [
    "token", "secret", "steal", "__class__", "__dict__", "__init__", "__eq__", "__hash__", "__module__", "__reduce__",
    "__slots__", "mro", "_sealed", "amount ", "",
]  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
def test_no_other_attribute_is_reachable(name: str) -> None:
    module = evaluate(
        f"m = money(1)\nhas = hasattr(m, {name!r})\nfallback = getattr(m, {name!r}, 'none')\n"
        f"def get():\n    return getattr(m, {name!r})\n\ndef text():\n    return '{{m.{name}}}'.format(m = m)\n"
    )
    assert module.globals["has"] is False
    assert module.globals["fallback"] == "none"
    for function in ("get", "text"):
        with pytest.raises(EvaluationError):
            module.call(function)


@pytest.mark.parametrize("name", ["token", "steal", "secret", "__class__", "__dict__"])
def test_no_other_attribute_is_reachable_by_a_dot(name: str) -> None:
    for text in (f"x = money(1).{name}", f"x = money(1).{name}()", f"m = money(1)\ndef f():\n    m.{name} = 1\n\nf()"):
        with pytest.raises(EvaluationError) as caught:
            evaluate(text)
        assert caught.value.failure.kind in ("unknown-attribute", "type-mismatch")


@pytest.mark.parametrize(
    "expression",
    ["money(1) + money(1)", "money(1) < money(2)", "len(money(1))", "list(money(1))", "money(1)[0]", "1 in money(1)",
     "money(1)()", "-money(1)", "json.encode(money(1))", "money(1) % 2", "'%d' % money(1)"],
)  # fmt: skip
def test_no_operator_is_there(expression: str) -> None:
    with pytest.raises(EvaluationError) as caught:
        evaluate(f"x = {expression}")
    assert caught.value.failure.kind != "host-error"


def test_fields_cannot_be_assigned() -> None:
    with pytest.raises(EvaluationError):
        evaluate("def f():\n    money(1).amount = 2\n\nf()")


def test_equality_and_keys() -> None:
    module = evaluate(
        "a = money(1) == money(1)\nb = money(1) == money(2)\nc = {money(1): 'x'}[money(1)]\n"
        "d = money(1) in [money(1)]\ne = len(set([money(1), money(1), money(2)]))\nf = money(1) == 1\n"
    )
    assert list(module.globals.values()) == [True, False, "x", True, 2, False]


def test_identity_without_equality() -> None:
    basket = Basket()
    module = evaluate("a = basket == basket\nb = str(basket)\n", basket=basket)
    assert dict(module.globals) == {"a": True, "b": "<Basket>"}
    with pytest.raises(EvaluationError, match="cannot be a key"):
        evaluate("x = {basket: 1}", basket=basket)


def test_freezing() -> None:
    made: list[Basket] = []

    @builtin
    def basket() -> Basket:
        made.append(Basket())
        return made[-1]

    module = evaluate("b = basket()\nb.add('x')\ndef late():\n    b.add('y')\n", basket=basket)
    assert made[0].is_sealed
    with pytest.raises(EvaluationError) as caught:
        module.call("late")
    assert caught.value.failure.kind == "frozen-value"
    assert module.globals["b"].items == ["x"]


def test_predeclared_values_are_frozen() -> None:
    basket = Basket()
    with pytest.raises(EvaluationError, match="sealed"):
        evaluate("basket.add('x')", basket=basket)


def test_errors_of_methods() -> None:
    for text, kind in (
        ("money(1).plus(1)", "type-mismatch"),
        ("money(1).plus()", "wrong-arguments"),
        ("money(1).plus(money(1), other = money(1))", "wrong-arguments"),
        ("money(1).broken()", "host-error"),
        ("money(1).refuse()", "refused"),
        ("money('1')", "type-mismatch"),
        ("doubled(1)", "type-mismatch"),
    ):
        with pytest.raises(EvaluationError) as caught:
            evaluate(f"x = {text}")
        assert caught.value.failure.kind == kind, text
        assert "hidden" not in caught.value.render()
    with pytest.raises(EvaluationError) as caught:
        evaluate("x = money(1).plus(1)")
    assert caught.value.message == "`money.plus` needs a money for `other`, not an int"


def test_values_cross_flows_by_reference() -> None:
    module = evaluate("f = flow(implementation = lambda fctx, m: m)\ndef run(m):\n    return f(m).value\n")
    given = Money(5, "EUR")
    assert module.call("run", given) is given


def test_a_type_registers_once() -> None:
    with pytest.raises(TypeError, match="already"):
        value_type(fields=("amount",))(Money)


@pytest.mark.parametrize(
    ("base", "options", "message"),
    [
        (dict, {}, "are data"),
        (str, {}, "are data"),
        (object, {"fields": ("two words",)}, "no name"),
        (object, {"fields": ("a",), "methods": ("a",)}, "twice"),
        (object, {"methods": ("missing",)}, "has no method"),
        (object, {"freeze": "missing"}, "has no method"),
    ],
)
def test_classes_that_cannot_be_types(base: type, options: dict[str, Any], message: str) -> None:
    with pytest.raises(TypeError, match=message):
        value_type(**options)(type("Broken", (base,), {}))


def test_a_subclass_is_another_type() -> None:
    class Special(Money):
        pass

    with pytest.raises(Exception, match="not data"):
        evaluate("x = m", m=Special(1, "EUR"))


def test_the_receiver_cannot_be_given() -> None:
    @value_type(methods=("tag",))
    class Tagged:
        def tag(self, **tags: str) -> dict[str, str]:
            return tags

    module = evaluate(
        "x = t.tag(a = 'b', **{'__c': 'd', 'no name': 'e'})\ndef bad():\n    t.tag(self = 'x')\n", t=Tagged()
    )
    assert module.globals["x"] == {"a": "b", "__c": "d", "no name": "e"}
    with pytest.raises(EvaluationError, match="has no parameter `self`"):
        module.call("bad")


def test_an_exception_in_a_field_or_text() -> None:
    @value_type(fields=("value",), text=lambda value: 1 / 0)
    class Fragile:
        @property
        def value(self) -> int:
            raise RuntimeError("hidden")

    for text in ("x = f.value", "x = str(f)", "x = [f]\nprint(x)"):
        with pytest.raises(EvaluationError) as caught:
            evaluate(text, f=Fragile())
        assert caught.value.failure.kind == "host-error"
        assert "hidden" not in caught.value.render()
