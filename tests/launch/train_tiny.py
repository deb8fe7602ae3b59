"""Trains tiny methods as one of several processes, or alone; words: folder, steps, methods."""

import sys
from pathlib import Path

from fewshot_bench.evaluation.predict import accuracy
from fewshot_bench.training.run import prepare_run, train
from fewshot_bench.world import current, join
from tests.tiny import tiny_config
from tests.training.test_stages import Watcher

if __name__ == "__main__":
    join()
    for method in sys.argv[3:]:
        config = tiny_config(
            Path(sys.argv[1]), method, steps=int(sys.argv[2]), meta_batch=3, val_every=6
        )
        run = prepare_run(config, "cpu", strategy="sequential")
        model = train(run, Watcher())
        shares = accuracy(run.method, model.params, run.loader("test", run.test_task, 0), 30)
        if current().leads:
            Path(run.folder, "accuracy").write_text(repr(shares.tolist()))
