"""Trees from DEAP, their repair, and how one generation follows another."""

import itertools
import random

import pytest

from fewshot_bench.inner.losses.expression import ARITY, Expression
from fewshot_bench.search.evolve import next_generation, vary
from fewshot_bench.search.repair import repair
from fewshot_bench.search.space import (
    MAX_HEIGHT,
    crossover,
    from_deap,
    mutation,
    random_tree,
    to_deap,
)
from tests.search.common import make_spec


def trees(n, low=2, high=4, seed=0):
    rng = random.Random(seed)
    return [random_tree(rng, low, high) for _ in range(n)]


def subtrees(expression):
    def combine(name, parts):
        whole = f"{name}({','.join(p[-1] for p in parts)})" if parts else name
        return [*itertools.chain(*parts), whole]

    return expression.fold(combine)


def test_deap_and_back():
    for tree in trees(50):
        assert from_deap(to_deap(tree)) == tree


def test_initial_trees_have_all_symbols_and_the_asked_heights():
    many = trees(400)
    assert {tree.height for tree in many} <= {1, 2, 3, 4}
    assert min(sum(tree.height == h for tree in many) for h in (2, 3, 4)) > 40
    assert {name for tree in many for name in tree.symbols} == set(ARITY)


def test_drawing_leaves_the_global_source_alone():
    random.seed(5)
    expected = random.random()
    random.seed(5)
    one, two = trees(5)[:2]
    crossover(random.Random(1), one, two)
    mutation(random.Random(1), one)
    assert random.random() == expected
    assert trees(5) == trees(5) != trees(5, seed=1)


def test_a_child_of_crossover_has_parts_of_both_parents():
    rng = random.Random(0)
    one, other = Expression.parse("add(y,abs(y))"), Expression.parse("mul(f(x),tanh(f(x)))")
    children = {str(crossover(rng, one, other)) for _ in range(60)}
    assert children == {
        "add(f(x),abs(y))",
        "add(tanh(f(x)),abs(y))",
        "add(y,f(x))",
        "add(y,tanh(f(x)))",
        "add(y,abs(f(x)))",
        "add(y,abs(tanh(f(x))))",
    }


def test_a_mutation_replaces_one_subtree_by_a_low_one():
    rng = random.Random(0)
    parent = Expression.parse("add(y,sqrt(square(f(x))))")
    for _ in range(100):
        child = mutation(rng, parent)
        assert child.height <= 5
        kept = {"y", "f(x)", "square(f(x))", "sqrt(square(f(x)))"} & set(subtrees(child))
        assert kept or child.height <= 2


@pytest.mark.parametrize("text", ["abs(+1)", "add(f(x),-1)", "y"])
def test_repair_adds_what_is_missing_in_one_place(text):
    rng = random.Random(0)
    seen = set()
    for _ in range(200):
        repaired = repair(rng, Expression.parse(text))
        assert {"y", "f(x)"} <= set(repaired.symbols)
        assert len(repaired.symbols) == len(Expression.parse(text).symbols) + 2
        seen.add(str(repaired))
    n_places = sum(ARITY[name] == 0 for name in Expression.parse(text).symbols)
    assert len(seen) == n_places * 4 * 2


def test_repair_leaves_complete_trees_alone():
    tree = Expression.parse("add(y,f(x))")
    assert repair(random.Random(0), tree) is tree


def test_a_child_that_is_too_high_gives_way_to_its_parent():
    chain = "abs(" * (MAX_HEIGHT - 1) + "add(y,f(x))" + ")" * (MAX_HEIGHT - 1)
    parent = Expression.parse(chain)
    assert parent.height == MAX_HEIGHT
    rng = random.Random(0)
    children = [vary(rng, parent, [parent]) for _ in range(300)]
    assert max(child.height for child in children) == MAX_HEIGHT
    assert all({"y", "f(x)"} <= set(child.symbols) for child in children)
    assert sum(child == parent for child in children) > 15  # reproduction and discarded ones
    assert sum(child != parent for child in children) > 100


def test_shares_of_the_operators(monkeypatch):
    from fewshot_bench.search import evolve

    calls = []
    monkeypatch.setattr(evolve, "crossover", lambda rng, one, other: calls.append("x") or one)
    monkeypatch.setattr(evolve, "mutation", lambda rng, one: calls.append("m") or one)
    rng, tree = random.Random(0), Expression.parse("add(y,f(x))")
    for _ in range(4000):
        vary(rng, tree, [tree])
    assert calls.count("x") / 4000 == pytest.approx(0.70, abs=0.03)
    assert calls.count("m") / 4000 == pytest.approx(0.25, abs=0.03)


def test_generations_follow_from_the_seed_and_are_canonical():
    spec = make_spec(population=25)

    def fitness(text):
        return len(text)

    first = next_generation(spec, [], fitness)
    second = next_generation(spec, [first], fitness)
    assert len(first) == len(second) == 25
    assert first == next_generation(spec, [], fitness)
    assert second == next_generation(spec, [first], fitness)
    assert first != next_generation(make_spec(population=25, seed=1), [], fitness)
    for text in first + second:
        assert str(Expression.parse(text).canonical()) == text


def test_elitism():
    def fitness(text):
        return len(text)

    first = next_generation(make_spec(population=25), [], fitness)
    best = sorted(set(first), key=lambda text: (len(text), first.index(text)))[:2]
    assert next_generation(make_spec(population=25), [first], fitness)[:2] == best
    code = make_spec(population=25, elitism="code")
    assert next_generation(code, [first], fitness)[:2] != best


def test_tournaments_prefer_the_fit():
    """Of 25, the best fifth wins a tournament of 4 in 1 - 0.8^4 = 59 % of the cases."""
    spec = make_spec(population=25, elitism="code")
    first = [f"add({'abs(' * i}y{')' * i},f(x))" for i in range(10)] * 2
    first += ["sub(y,f(x))"] * 5
    second = next_generation(spec, [first], lambda text: 0.0 if text.startswith("sub") else 1.0)
    assert sum("sub" in text for text in second) >= 10
