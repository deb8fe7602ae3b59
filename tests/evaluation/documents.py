"""Documents with all that is required, and columns of any shape, for tests of what reads them."""

from fewshot_bench.config import merge_tables
from fewshot_bench.evaluation.document import Facts

PRINT, HASH = "f" * 64, "0" * 64
SELECTION = {"split": "val", "step": 1}


def sampler(mode="uniform", seed=0, **options):
    """The ``sampler`` part of a protocol."""
    return {"name": "philox", "version": 1, "mode": mode, "seed": seed} | (
        {"options": options} if options else {}
    )


def document(**changes):
    """Facts of an evaluation; ``changes`` are laid over its parts."""
    table = {
        "method": {
            "id": "a",
            "setting": "inductive",
            "config": {"backbone": "conv4-32", "train": {"seed": 0}},
            "config_sha256": HASH,
        },
        "checkpoint": {"sha256": HASH, "n_params": 1, "training_seed": 0, "selection": SELECTION},
        "dataset": {
            "id": "glyphs",
            "split": "test",
            "fingerprint": PRINT,
            "split_sha256": HASH,
            "class_list_sha256": HASH,
            "pool_sizes": [20] * 10,
        },
        "protocol": {
            "id": "test/5-way",
            "way": 5,
            "shot": 1,
            "query": 4,
            "sampler": sampler(),
            "T": 1,
            "episode_list_sha256": HASH,
        },
        "failures": [],
        "timing": {"per_episode_s": 0.1},
        "summary": {
            "accuracy": 0.5,
            "T": 1,
            "interval": {"level": 0.95, "low": 0.4, "high": 0.6},
        },
    }
    return Facts.model_validate(merge_tables(table, changes))
