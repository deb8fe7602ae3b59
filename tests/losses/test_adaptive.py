"""AdaLFL in a loop of one's own is the suite's, step by step."""

import json

import pytest
import torch
import torch.nn.functional as F
from typer.testing import CliRunner

from fewshot_bench.cli.app import app
from fewshot_bench.errors import ConfigError, TrainingError
from fewshot_bench.inner.losses.network import adalfl
from fewshot_bench.losses import AdaLFL, load
from fewshot_bench.supervised.catalogue import load_data
from fewshot_bench.supervised.models import build_model
from fewshot_bench.supervised.train import WEIGHTS, batches, errors, generator

STEPS, OFFLINE = 60, 25
COMPARE = (
    "loss compare --data digits --model mlp-128 --losses adalfl --seeds 3 --lr 0.05 --json"
    f" --steps {STEPS} --offline-steps {OFFLINE} --online-lr 1e-3"
)


def small_net(norm=False):
    layers = [torch.nn.Linear(5, 8), torch.nn.ReLU(), torch.nn.Linear(8, 3)]
    return torch.nn.Sequential(*layers[:1], *([torch.nn.BatchNorm1d(8)] * norm), *layers[1:])


def sgd(net, lr=0.1):
    return torch.optim.SGD(net.parameters(), lr=lr, momentum=0.9, nesterov=True, weight_decay=5e-4)


def stream(seed, n=16):
    draws = torch.Generator().manual_seed(seed)
    rule = torch.randn(5, 3, generator=torch.Generator().manual_seed(9))
    while True:
        x = torch.randn(n, 5, generator=draws)
        yield x, (x @ rule).argmax(1)


def test_a_loop_on_digits_gives_the_number_of_loss_compare():
    seed, data = 3, load_data("digits")
    model = build_model("mlp-128", data)
    draws = generator(seed, WEIGHTS)
    net = torch.nn.Sequential(
        torch.nn.Flatten(),
        torch.nn.Linear(64, 128),
        torch.nn.ReLU(),
        torch.nn.Linear(128, 128),
        torch.nn.ReLU(),
        torch.nn.Linear(128, 10),
    )
    places = {f"layer{i}": str(2 * i + 1) for i in range(3)}

    def fresh():
        params = model.init(draws)
        return {
            f"{places[n.split('.')[0]]}.{n.split('.')[1]}": value for n, value in params.items()
        }

    ada = AdaLFL(net, sgd(net, 0.05), lr=1e-3, seed=seed)
    inner, outer = (batches(data, part, 128, seed) for part in ("train", "val"))
    ada.start(inner, outer, steps=OFFLINE, fresh=fresh)
    # A training begins its streams anew.
    draws = generator(seed, WEIGHTS)
    net.load_state_dict(fresh())
    inner, outer = (batches(data, part, 128, seed) for part in ("train", "val"))
    for _ in range(STEPS):
        ada.step(next(inner), next(outer))
    x, y = data.test.batch(torch.arange(len(data.test)))
    found = errors(net(x), y).mean().item()
    told = CliRunner().invoke(app, COMPARE.split())
    assert found == json.loads(told.stdout)["losses"][0]["errors"][0]
    assert found < 0.4


def test_the_model_moves_as_its_optimiser_moves_it():
    """With a loss that is not learned on, a step is one of torch's on the frozen loss."""
    torch.manual_seed(0)
    net = small_net()
    ada = AdaLFL(net, sgd(net), lr=0.0)
    twin = small_net()
    twin.load_state_dict(net.state_dict())
    optimizer, criterion = sgd(twin), ada.loss()
    for batch, held_out, _ in zip(stream(1), stream(2), range(5), strict=False):
        usual = ada.step(batch, held_out)
        optimizer.zero_grad()
        criterion(twin(batch[0]), batch[1]).backward()
        optimizer.step()
        expected = F.cross_entropy(twin(held_out[0]), held_out[1]).item()
        assert usual == pytest.approx(expected, rel=1e-5)
    for mine, theirs in zip(net.parameters(), twin.parameters(), strict=True):
        torch.testing.assert_close(mine, theirs)


def test_the_loss_moves_against_its_hypergradient():
    torch.manual_seed(0)
    net = small_net().double()
    ada = AdaLFL(net, sgd(net), network=adalfl(width=4), lr=1e-3)
    with torch.no_grad():
        for name, value in ada.phi.items():
            ada.phi[name] = value.double().requires_grad_()
    ada._adam = torch.optim.SGD(list(ada.phi.values()), lr=1.0)
    batch, held_out = ((x.double(), y) for x, y in (next(stream(1)), next(stream(2))))
    before = {name: value.detach().clone() for name, value in ada.phi.items()}
    weights = {name: value.clone() for name, value in net.state_dict().items()}
    ada.step(batch, held_out)
    name, place, h = "loss.1.weight", (0, 1), 1e-6
    moved_by = (ada.phi[name].detach() - before[name])[place].item()

    def usual(by):
        net.load_state_dict(weights)
        probe = AdaLFL(net, sgd(net), network=adalfl(width=4), lr=0.0)
        probe.phi = {n: v.clone().requires_grad_() for n, v in before.items()}
        with torch.no_grad():
            probe.phi[name][place] += by
        probe._adam = torch.optim.SGD(list(probe.phi.values()), lr=0.0)
        return probe.step(batch, held_out)

    assert moved_by == pytest.approx(-(usual(h) - usual(-h)) / (2 * h), rel=1e-5)
    assert abs(moved_by) > 1e-7


def test_it_learns_and_leaves_normalisation_as_training_does():
    torch.manual_seed(0)
    net = small_net(norm=True)
    ada = AdaLFL(net, sgd(net, 0.05), network=adalfl(scale="free"), lr=1e-3)
    kept = {name: value.clone() for name, value in net.state_dict().items()}
    ada.start(stream(1), stream(2), steps=20, horizon=2)
    assert all(torch.equal(value, kept[name]) for name, value in net.state_dict().items())
    pairs = zip(stream(1), stream(2), strict=True)
    losses = [ada.step(*next(pairs)) for _ in range(80)]
    assert sum(losses[-10:]) < 0.5 * sum(losses[:10])
    assert net[1].num_batches_tracked == 80  # held-out batches leave no trace


def test_a_state_goes_on_where_it_was():
    runs = []
    for stop in (False, True):
        torch.manual_seed(0)
        net = small_net()
        optimizer = sgd(net)
        ada = AdaLFL(net, optimizer, lr=1e-2)
        pairs = zip(stream(1), stream(2), strict=True)
        for i in range(6):
            if stop and i == 3:
                state = ada.state_dict()
                ada = AdaLFL(net, optimizer, lr=1e-2, seed=5)
                ada.load_state_dict(state)
            ada.step(*next(pairs))
        runs.append((*net.parameters(), *ada.phi.values()))
    assert all(torch.equal(a, b) for a, b in zip(*runs, strict=True))


def test_the_loss_can_be_saved_and_loaded(tmp_path):
    torch.manual_seed(0)
    net = small_net()
    ada = AdaLFL(net, sgd(net), network=adalfl(width=5, scale="free"), lr=1e-2)
    ada.step(next(stream(1)), next(stream(2)))
    ada.save(tmp_path / "mine.json", provenance={"steps": 1})
    x, y = next(stream(3))
    criterion = load(str(tmp_path / "mine.json"))
    assert torch.equal(criterion(net(x), y), ada.loss()(net(x), y))
    torch.testing.assert_close(criterion(net(x), y), ada.network.of_logits(ada.phi, net(x), y))
    assert not torch.isclose(criterion(net(x), y), F.cross_entropy(net(x), y), rtol=1e-5)


def test_mistakes_are_named():
    net = small_net()
    with pytest.raises(ConfigError, match=r"goes through torch\.optim\.SGD, not Adam"):
        AdaLFL(net, torch.optim.Adam(net.parameters()))
    with pytest.raises(ConfigError, match="dampening"):
        AdaLFL(net, torch.optim.SGD(net.parameters(), momentum=0.9, dampening=0.1))
    ada = AdaLFL(net, sgd(net))
    with pytest.raises(ConfigError, match="no batches"):
        ada.start([], [], steps=1)
    with pytest.raises(ConfigError, match="another shape"):
        ada.load_state_dict(AdaLFL(net, sgd(net), network=adalfl(width=3)).state_dict())
    x, y = next(stream(1))
    with pytest.raises(TrainingError, match="not finite in step 0"):
        ada.step((x * torch.inf, y), (x, y))
