"""Results like those of ``fsbench evaluate``, made up in milliseconds and without images."""

import hashlib

import numpy as np

from fewshot_bench.config import RunConfig
from fewshot_bench.data.store import split_sha256
from fewshot_bench.evaluation.arrays import columns_sha256, pack
from fewshot_bench.evaluation.classes import class_hashes
from fewshot_bench.evaluation.compact import list_sha256, redraw
from fewshot_bench.evaluation.document import Facts
from fewshot_bench.evaluation.identity import config_sha256, result_id, shown_apart
from fewshot_bench.evaluation.result import EPISODES, RESULT, make_result
from fewshot_bench.files import dump_json
from fewshot_bench.registry import METHODS, SAMPLERS
from fewshot_bench.stats import mean_ci

CLASSES, IMAGES = 20, 40
TRAINING = [f"train{i}" for i in range(64)]
CURVE = [(250 * i, 0.4 + 0.025 * i) for i in range(1, 9)]
SELECTION = {
    "split": "val",
    "metric": "accuracy",
    "value": CURVE[-1][1],
    "step": CURVE[-1][0],
    "n_candidates": len(CURVE),
}


def synthetic(method="protonet", skill=0.0, seed=0, episodes=1000, **choices):
    """A result with honest hashes, whose accuracy is about 0.6 + skill.

    Args:
        method: its name.
        skill: shift of the accuracy of every episode.
        seed: training seed.
        episodes: how many.
        choices: ``benchmark``, ``backbone``, ``shot``, ``query``, ``setting``, ``fingerprint``,
            ``sizes`` (of the classes), ``seeds`` (the group), ``options``, ``sampler`` (mode and
            seed of the list of episodes), ``classes`` (the word that names of test classes begin
            with), ``tuning`` (how settings were chosen).
    """
    get = choices.get
    benchmark, backbone = get("benchmark", "glyphs"), get("backbone", "conv4-64")
    config = RunConfig.model_validate(
        {
            "method": method,
            "benchmark": benchmark,
            "backbone": backbone,
            "options": get("options", {}),
            "task": {"n_shot": get("shot", 1), "n_query": get("query", 15)},
            "train": {"seed": seed},
            "evaluate": {"episodes": episodes, **_drawn(*get("sampler", ("uniform", 0)))},
        }
    ).model_dump()
    config = shown_apart(config)
    sizes = list(get("sizes", [IMAGES] * CLASSES))
    names = [f"{get('classes', 'test')}{i}" for i in range(len(sizes))]
    listed = "".join(f"{name}\n" for name in names).encode()
    info = {
        "tool": {"version": "0.1.0", "commit": "c" * 40, "dirty": False},
        "method": {
            "id": method,
            "setting": get("setting", "inductive"),
            "config": config,
            "config_sha256": config_sha256(config),
            **({} if method in METHODS else {"code_sha256": "d" * 64}),
        },
        "checkpoint": {
            "sha256": hashlib.sha256(f"{method}{seed}".encode()).hexdigest(),
            "n_params": 111936,
            "training_seed": seed,
            "seed_group": sorted(get("seeds", [seed])),
            "training_benchmark": benchmark,
            "training_fingerprint": get("fingerprint", "f" * 64),
            "training_class_hashes": class_hashes(TRAINING),
            "stages": [{"name": "meta-train", "selection": SELECTION}],
            "selection": SELECTION,
            **({"tuning": get("tuning")} if "tuning" in choices else {}),
        },
        "training": {"curve": CURVE},
        "dataset": {
            "id": benchmark,
            "split": "test",
            "fingerprint": get("fingerprint", "f" * 64),
            "raw_sha256": "a" * 64,
            "split_sha256": split_sha256({"test": names, "train": TRAINING}),
            "class_list_sha256": hashlib.sha256(listed).hexdigest(),
            "class_hashes": class_hashes(names),
            "class_names": names if len(names) <= 200 else None,
            "pool_sizes": sizes,
            "preprocessing": {"channels": 1, "mean": [0.5], "std": [0.5]},
        },
        "protocol": protocol(
            get("shot", 1), get("query", 15), episodes, *get("sampler", ("uniform", 0))
        ),
        "env": {"python": "3.11.4", "torch": "2.6.0", "gpu": None},
        "failures": [],
        "timing": {
            "total_s": 0.01 * episodes,
            "per_episode_s": 0.01,
            "peak_gpu_bytes": None,
            "peak_process_bytes": 500_000_000,
            "train_s": 120.0,
        },
    }
    info["protocol"]["episode_list_sha256"] = "0" * 64
    info["summary"] = {
        "accuracy": 0.5,
        "T": episodes,
        "interval": {"level": 0.95, "low": 0.4, "high": 0.6},
    }
    drawn = redraw(Facts.model_validate(info), episodes)
    hashes = drawn["episode_hash"]
    info["protocol"]["episode_list_sha256"] = list_sha256(hashes)
    prefixes = {str(n): list_sha256(hashes[:n]) for n in (100, 600, 1000) if n <= episodes}
    info["protocol"]["prefix_sha256"] = prefixes
    columns = {**drawn, **predictions(method, skill, seed, drawn["class_ids"], get("query", 15))}
    info["summary"] = summary(columns)
    return make_result(Facts.model_validate(info), columns)


def forged(result, change):
    """A result whose document and columns were altered, and whose hashes all fit again.

    Args:
        result: the honest one.
        change: alters the JSON document and the columns, both copies.
    """
    table = result.document.table()
    columns = {name: values.copy() for name, values in result.columns.items()}
    change(table, columns)
    return make_result(Facts.model_validate(table), columns)


def write_forged(result, change, folder):
    """The same on disk, whatever nonsense it has become."""
    table = result.document.table()
    columns = {name: values.copy() for name, values in result.columns.items()}
    change(table, columns)
    table["episodes_sha256"] = columns_sha256(columns)
    folder.mkdir(parents=True)
    (folder / EPISODES).write_bytes(pack(columns))
    (folder / RESULT).write_bytes(dump_json({**table, "result_id": result_id(table)}))


def _drawn(mode, seed):
    """The same as settings; what is no sampler is the usual one there."""
    return {"sampler": mode if mode in SAMPLERS else "uniform", "seed": max(seed, 0)}


def protocol(shot, query, episodes, mode, seed):
    return {
        "id": f"test/5-way-{shot}-shot-{query}-query",
        "way": 5,
        "shot": shot,
        "query": query,
        "sampler": {"name": "philox", "version": 1, "mode": mode, "seed": seed},
        "T": episodes,
        "stop_rule": "fixed",
        "prefix_sha256": {},
    }


def predictions(method, skill, seed, class_ids, query):
    """Some classes and episodes are harder for everybody; the rest is the method's own noise."""
    episodes = len(class_ids)
    common = np.random.default_rng(1).normal(0, 0.1, (episodes, 1, 1))
    key = int.from_bytes(hashlib.sha256(method.encode()).digest()[:4], "big")
    own = np.random.default_rng([key, seed])
    p = np.clip(0.6 + skill + common + own.normal(0, 0.005), 0.02, 1.0)
    right = own.random((episodes, 5, query)) < p
    labels = np.arange(5)[None, :, None]
    wrong = (labels + own.integers(1, 5, right.shape)) % 5
    correct = right.sum(axis=(1, 2))
    return {
        "pred": np.where(right, labels, wrong).astype(np.uint8),
        "n_correct": correct.astype(np.uint16),
        "n_query": np.full(episodes, 5 * query, dtype=np.uint16),
        **losses(1 - correct / (5 * query), own),
    }


def losses(wrong, rng):
    """Such as a model with probabilities of about a half has, by its share of wrong queries."""
    return {
        "nll": 0.55 + 0.9 * wrong + rng.uniform(0, 0.1, len(wrong)),
        "brier": 0.25 + 0.5 * wrong + rng.uniform(0, 0.02, len(wrong)),
    }


def summary(columns):
    closed = mean_ci(columns["n_correct"] / columns["n_query"])
    interval = {"kind": "closed", "level": 0.95, "low": closed.low, "high": closed.high}
    return {
        "accuracy": closed.mean,
        "T": closed.n,
        "interval": {**interval, "flags": list(closed.flags)},
    }
