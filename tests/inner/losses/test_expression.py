"""Expressions: what can be written, and what is refused."""

import pytest

from fewshot_bench.errors import ConfigError
from fewshot_bench.inner.losses.expression import MAX_HEIGHT, MAX_SYMBOLS, Expression

CROSS_ENTROPY = "mul(-1,mul(y,log(f(x))))"


def test_text_and_symbols_are_the_same_thing():
    expression = Expression.parse(CROSS_ENTROPY)
    assert expression.symbols == ("mul", "-1", "mul", "y", "log", "f(x)")
    assert str(expression) == CROSS_ENTROPY
    assert Expression.parse(" mul( -1, mul(y , log(f(x)))) ") == expression


def test_size():
    expression = Expression.parse(CROSS_ENTROPY)
    assert (expression.height, expression.n_edges) == (3, 5)
    assert (Expression.parse("y").height, Expression.parse("y").n_edges) == (0, 0)


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("add(y,f(x))", "add(f(x),y)", True),
        ("mul(abs(y),min(+1,y))", "mul(min(y,+1),abs(y))", True),
        ("max(add(y,f(x)),add(f(x),y))", "max(add(f(x),y),add(f(x),y))", True),
        ("sub(y,f(x))", "sub(f(x),y)", False),
        ("div(y,f(x))", "div(f(x),y)", False),
        ("add(y,y)", "mul(y,y)", False),
    ],
)
def test_canonical_form(one, other, same):
    forms = [Expression.parse(text).canonical() for text in (one, other)]
    assert (forms[0] == forms[1]) == same


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "lacks 1 argument at its end"),
        ("foo(y)", "unknown operator 'foo'"),
        ("__import__('os').system('x')", "unknown operator '__import__'"),
        ("add(y)", "lacks 1 argument at its end"),
        ("abs(y,y)", "goes on after its end, with 'y'"),
        ("add(y,f(x),y)", "goes on after its end"),
        ("add(abs(y,y))", "malformed"),
        ("add(y,f(x)", "malformed"),
        ("add y f(x)", "malformed"),
        ("abs(0.5,y)", "malformed"),
        ("abs(y);y", "goes on"),
        ("abs" * 1000 + "(y)", "unknown operator"),
    ],
)
def test_what_is_refused(text, message):
    with pytest.raises(ConfigError, match=message.replace("(", r"\(")) as caught:
        Expression.parse(text)
    assert len(str(caught.value)) < 200


def test_bounds():
    Expression.parse("abs(" * MAX_HEIGHT + "y" + ")" * MAX_HEIGHT)
    with pytest.raises(ConfigError, match="levels high"):
        Expression.parse("abs(" * (MAX_HEIGHT + 1) + "y" + ")" * (MAX_HEIGHT + 1))
    with pytest.raises(ConfigError, match="symbols"):
        Expression.parse("abs(" * 100_000 + "y" + ")" * 100_000)
    full = ["y"] * (MAX_SYMBOLS // 2 + 1)
    while len(full) > 1:
        full = [f"add({a},{b})" for a, b in zip(full[::2], full[1::2], strict=True)]
    assert Expression.parse(full[0]).height == 10
