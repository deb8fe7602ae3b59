"""Every member of the family at its identity setting is MAML on the same adapted layers.

The two are built from the same leaves, so that adapted parameters, logits, loss and the
meta-gradient of every leaf can be compared.
"""

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass, field

import pytest
import torch

from fewshot_bench.methods.build import resolve_options
from fewshot_bench.nn.params import is_buffer, trainable
from fewshot_bench.nn.warp import WarpedBlock
from tests.methods.common import N_WAY, adapted, build, build_learner, make_episode, make_params

STEPS, LR = 3, 0.05


def same(params):
    return params


def with_values(**values):
    """Set every parameter whose name contains a key (dots written as __) to a constant."""

    def change(params):
        out = dict(params)
        for key, value in values.items():
            names = [name for name in out if key.replace("__", ".") in name]
            assert names, key
            out |= {name: torch.full_like(out[name], value) for name in names}
        return out

    return change


def zero_head(params):
    zeros = torch.zeros(N_WAY, 32, dtype=torch.float64)
    return params | {"head.weight": zeros, "head.bias": zeros[:, 0]}


def on_the_last_block(member, maml):
    """MAML on the layers that NPBML moves, behind the same frozen blocks."""
    plain = member.embedding.wrapped(lambda s: s.stage if isinstance(s, WarpedBlock) else s)
    return dataclasses.replace(maml, embedding=plain, head=member.head, bn=member.bn)


def with_its_head(member, maml):
    """MAML whose head begins where the member's does."""
    return dataclasses.replace(maml, head=member.head)


def one_normalisation(params):
    """Without averages, and with the affine parameters of the first step for all of them."""
    kept = {name: value for name, value in params.items() if not is_buffer(name)}
    return {name: value[0] if ".norm." in name else value for name, value in kept.items()}


def a_row_for_each_step(params):
    return {
        name: value.expand(STEPS, -1) if ".norm." in name else value
        for name, value in params.items()
    }


@dataclass
class Case:
    """A member, what makes it MAML, and the MAML it then is."""

    name: str
    options: dict = field(default_factory=dict)
    identity: Callable = same  # fresh parameters of the member to the leaves
    as_member: Callable = same  # leaves to parameters of the member
    as_maml: Callable = same  # leaves to parameters of MAML
    maml: dict = field(default_factory=dict)
    plain: Callable = lambda member, maml: maml


CASES = [
    Case("maml", {"lr": LR}),
    Case("fomaml", {"lr": LR}, maml={"order": 1}),
    Case("maml++", {"lr": LR}, one_normalisation, as_member=a_row_for_each_step),
    Case("meta-sgd", identity=with_values(optimizer__rate=LR)),
    Case("anil", {"lr": LR}),
    Case("boil", {"lr": LR}),
    Case("cavia", {"lr": LR}, with_values(film=0.0), maml={"steps": 0, "test_steps": 0}),
    Case("t-net", {"lr": LR}),
    Case("mt-net", {"lr": LR}, with_values(optimizer__mask=60.0)),
    Case("warpgrad", {"lr": LR}),
    Case("meta-curvature", {"lr": LR}),
    Case(
        "alfa",
        {"lr": LR},
        with_values(generator__out__weight=0.0, generator__out__bias=1.0, optimizer__decay=0.0),
    ),
    Case("gap", {"lr": LR}),
    Case("gap", {"lr": LR, "optimizer_options": {"exact": True}}),
    Case("gap", {"lr": LR, "optimizer_options": {"approximate": True}}),
    Case("unicorn-maml", {"lr": LR}, as_maml=zero_head),
    Case("proto-maml", {"lr": LR, "order": 2}, plain=with_its_head),
    Case(
        "l2f",
        {"lr": LR},
        with_values(attenuator__linear2__weight=0.0, attenuator__linear2__bias=60.0),
    ),
    Case("metal", {"lr": LR}, with_values(out__weight=0.0), maml={"bn": "joint"}),
    Case("metal", {"lr": LR, "bn": "batch", "adapt": "all"}, with_values(out__weight=0.0)),
    Case("sca", {"lr": LR}, with_values(linear2__weight=0.0), maml={"test_steps": STEPS}),
    Case("npbml", {"lr": LR, "bn": "joint_steps"}, plain=on_the_last_block),
    Case("maml+sparse_lsr", {"lr": LR, "loss_options": {"smoothing": 0.0}}),
    Case("maml+evomal", {"lr": LR}, with_values(loss__weights=1.0)),
    Case("npbml", {"lr": LR}, plain=on_the_last_block),
    Case("npbml", {"lr": LR, "relation": "prototypes"}, plain=on_the_last_block),
    *(
        Case(f"npbml[{variant}]", {"lr": LR}, plain=on_the_last_block)
        for variant in (
            *("init", "init+opt", "init+loss", "init+opt+loss", "inductive", "no-pretraining"),
            *("loss-inductive", "loss-transductive", "loss-regulariser"),
        )
    ),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.name}-{case.options}")
def test_identity_settings_give_maml(case):
    steps = {"steps": STEPS, "test_steps": STEPS + 1}
    own = {name: n for name, n in steps.items() if name in resolve_options(case.name, {})}
    member = build_learner(case.name, **own, **case.options)
    plain = build("maml", lr=LR, **(steps | case.maml))
    plain = dataclasses.replace(case.plain(member, plain), adapt=member.adapt)
    leaves, episode = case.identity(make_params(member)), make_episode()
    leaves = {n: p.detach().requires_grad_(not is_buffer(n)) for n, p in leaves.items()}
    pairs = ((member, case.as_member(leaves)), (plain, case.as_maml(leaves)))

    moved, expected = (adapted(m, p, episode) for m, p in pairs)
    for name, value in expected.items():
        torch.testing.assert_close(moved[name], value, rtol=1e-6, atol=1e-6)
    if member.bn == plain.bn:  # otherwise they are the same in training only
        logits, expected = (m.predict(p, episode) for m, p in pairs)
        torch.testing.assert_close(logits, expected, rtol=1e-6, atol=1e-6)

    names = [n for n in trainable(leaves) if n.startswith(("backbone.", "head."))]
    (loss, grads), (plain_loss, plain_grads) = (
        loss_and_grads(m, p, episode, [leaves[n] for n in names]) for m, p in pairs
    )
    torch.testing.assert_close(loss, plain_loss, rtol=1e-6, atol=1e-6)
    for name, grad, expected in zip(names, grads, plain_grads, strict=True):
        assert grad.abs().max() > 1e-9, name
        torch.testing.assert_close(grad, expected, rtol=1e-6, atol=1e-6)


def loss_and_grads(method, params, episode, leaves):
    loss, _ = method.episode_loss(params, episode)
    return loss, torch.autograd.grad(loss, leaves)
