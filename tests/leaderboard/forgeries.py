"""Forgeries of a genuine row: what is altered, and the name of the check that is meant to find it.

All of them are signed again: whoever forges a file computes its hashes anew. A forgery of one
result changes its document and its columns; one of a row changes the results of its seeds; one of a
board makes results to stand beside them.
"""

import numpy as np

from fewshot_bench.evaluation.classes import class_hashes, class_list_sha256
from fewshot_bench.evaluation.identity import config_sha256
from fewshot_bench.registry import METHODS
from tests.leaderboard.synthetic import CURVE, TRAINING, forged, summary, synthetic

# On conv4-64 and images of one channel and 28 x 28 pixels.
N_PARAMS = {"protonet": 112_192, "maml": 112_005}
RESIZE = "28x28, aspect ratio not kept"
SEEDS = [0, 1, 2]


def genuine(seed, method="protonet", **choices):
    """A result that says all that an honest one says of its images and parameters."""
    result = synthetic(method, seed=seed, seeds=SEEDS, episodes=600, **choices)

    def complete(info, columns):
        info["dataset"]["preprocessing"]["resize"] = RESIZE
        info["checkpoint"]["n_params"] = N_PARAMS[method]
        info["method"].update(adaptation=False, told_counts=False)
        info["checkpoint"].update(external_data=False, weights="", trained_on="")

    return forged(result, complete)


def signed(change):
    """A forgery whose configuration has its own hash, too."""

    def altered(info, columns):
        change(info, columns)
        info["method"]["config_sha256"] = config_sha256(info["method"]["config"])

    return altered


def option(**options):
    return signed(lambda i, c: i["method"]["config"]["options"].update(options))


def config(table, **settings):
    def change(info, columns):
        part = info["method"]["config"]
        (part if table is None else part[table]).update(settings)

    return signed(change)


def document(part, **values):
    return lambda info, columns: info[part].update(values)


def renamed(name):
    def change(info, columns):
        info["method"].update(id=name)
        info["method"]["config"]["method"] = name
        if name not in METHODS:
            info["method"]["code_sha256"] = "d" * 64

    return signed(change)


def as_maml(**options):
    """The result of another method, which has options that this one has not."""

    def change(info, columns):
        renamed("maml")(info, columns)
        info["method"]["config"]["options"].update(options)
        info["method"]["setting"] = "transductive_bn"
        info["checkpoint"]["n_params"] = N_PARAMS["maml"]

    return signed(change)


def selected(**values):
    """Another selection, of the model and of its last stage."""

    def change(info, columns):
        for chosen in (info["checkpoint"], info["checkpoint"]["stages"][-1]):
            chosen["selection"] = {**chosen["selection"], **values}

    return change


def fitted(info, columns):
    """Counts and summary follow from the predictions again."""
    right = columns["pred"] == np.arange(5)[None, :, None]
    columns["n_correct"] = right.sum(axis=(1, 2)).astype(np.uint16)
    info["summary"] = summary(columns)


def right_in_ten(info, columns):
    columns["pred"][:10] = np.arange(5)[None, :, None]
    columns["nll"][:10] += 1
    fitted(info, columns)


def failed(info, columns):
    """Episode 3 failed, and nobody says so."""
    columns["pred"][3] = (np.arange(5)[:, None] + 1) % 5
    columns["nll"][3], columns["brier"][3] = np.log(5), 0.8
    fitted(info, columns)


def of_losses(name, change):
    return lambda info, columns: columns.update({name: change(columns[name])})


def loops(info, columns):
    """A hundred episodes of predictions and losses, six times."""
    for name in ("pred", "nll", "brier"):
        columns[name] = np.concatenate([columns[name][:100]] * 6)
    fitted(info, columns)


def classes(names):
    def change(info, columns):
        info["dataset"].update(
            class_names=names,
            class_hashes=class_hashes(names),
            class_list_sha256=class_list_sha256(names),
        )

    return change


def stages(*names):
    def change(info, columns):
        last = info["checkpoint"]["stages"][-1]
        info["checkpoint"]["stages"] = [{**last, "name": name} for name in names]

    return change


def tuned(info, columns):
    info["checkpoint"]["tuning"] = {
        "on": "glyphs", "split": "val", "trials": 9, "episodes": 50, "n_candidates": 90,
    }  # fmt: skip


OF_RESULT = {
    "a transductive option of a method without it": (option(transductive=False), "options"),
    "a policy of normalisation that there is not": (as_maml(bn="nonsense"), "options"),
    "a negative number of steps": (as_maml(steps=-1), "options"),
    "an option with a capital": (option(Transform="l2n"), "options"),
    "a setting that there is not": (config("train", epochs=100), "options"),
    "a training of no steps": (config("train", steps=0), "options"),
    "a Cyrillic letter": (renamed("prot\N{CYRILLIC SMALL LETTER O}net"), "names"),
    "a name in capitals": (renamed("ProtoNet"), "names"),
    "a zero for an o": (renamed("prot0net"), "names"),
    "a blank behind the name": (renamed("protonet "), "names"),
    "a backbone in capitals": (config(None, backbone="Conv4-64"), "names"),
    "a benchmark in capitals": (document("dataset", id="Glyphs"), "names"),
    "a method that nobody can find": (
        signed(lambda i, c: (renamed("mine")(i, c), i["method"].pop("code_sha256"))),
        "code",
    ),
    "inductive by batch statistics": (
        lambda i, c: (as_maml(bn="batch")(i, c), i["method"].update(setting="inductive")),
        "setting",
    ),
    "transductive without a reason": (document("method", setting="transductive"), "setting"),
    "an adaptation of ours": (document("method", adaptation=True), "setting"),
    "told counts that it is not told": (document("method", told_counts=True), "told counts"),
    "external weights of a network of ours": (
        document("checkpoint", external_data=True, trained_on="ImageNet"),
        "external data",
    ),
    "external data that are not named": (
        document("checkpoint", external_data=True),
        "external data",
    ),
    "fewer parameters": (document("checkpoint", n_params=1000), "parameters"),
    "a larger backbone": (config(None, backbone="conv4-128"), "parameters"),
    "the configuration of another method": (config(None, method="maml"), "configuration"),
    "five shots for one": (config("task", n_shot=5), "configuration"),
    "another sampler": (config("evaluate", sampler="dirichlet"), "configuration"),
    "a shorter test": (config("evaluate", episodes=5000), "configuration"),
    "trained elsewhere": (config(None, train_on="omniglot"), "configuration"),
    "smaller images": (config(None, image_size=14), "configuration"),
    "colours of grey images": (
        lambda i, c: i["dataset"]["preprocessing"].update(mean=[0.5] * 3),
        "images",
    ),
    "a seed that the configuration has not": (document("checkpoint", training_seed=1), "hashes"),
    "a configuration that was altered": (
        lambda i, c: i["method"]["config"]["train"].update(lr=1.0),
        "hashes",
    ),
    "selected on test classes": (selected(split="test"), "selection"),
    "selected between validations": (selected(step=1999), "selection"),
    "selected after the end": (selected(step=60_000), "selection"),
    "selected from one": (selected(n_candidates=1), "selection"),
    "a longer training": (config("train", steps=60_000, val_every=7500), "curve"),
    "selected by a better accuracy": (selected(value=0.99), "curve"),
    "a better curve": (document("training", curve=[*CURVE[:-1], (2000, 0.99)]), "curve"),
    "a pre-training that was not": (stages("classify", "meta-train"), "stages"),
    "another selection of the stage": (
        lambda i, c: i["checkpoint"]["stages"][-1]["selection"].update(step=250),
        "stages",
    ),
    "no training at all": (stages(), "training"),
    "a tuning that nobody counts": (tuned, "tuning"),
    "no group of seeds": (document("checkpoint", seed_group=[]), "seed group"),
    "a class twice": (classes(["test0"] * 20), "test classes"),
    "trained on test classes": (
        document("checkpoint", training_class_hashes=class_hashes([*TRAINING, "test3"])),
        "training classes",
    ),
    "trained on other images": (
        document("checkpoint", training_fingerprint="9" * 64),
        "training data",
    ),
    "ten episodes right": (right_in_ten, "losses"),
    "losses of nothing": (of_losses("nll", np.zeros_like), "losses"),
    "small Brier scores": (of_losses("brier", lambda x: x / 10), "losses"),
    "losses of other episodes": (of_losses("brier", lambda x: np.roll(x, 7)), "losses"),
    "a failure that is hidden": (failed, "failures"),
    "a failure that was none": (lambda i, c: i.update(failures=[5]), "failures"),
    "digests of another list": (
        lambda i, c: i["protocol"]["prefix_sha256"].update({"100": "0" * 64}),
        "prefixes",
    ),
    "a digest left out": (lambda i, c: i["protocol"]["prefix_sha256"].pop("600"), "prefixes"),
    "a hundred episodes six times": (loops, "repeated"),
}  # fmt: skip


def noisy(pred, share, seed=0):
    """Predictions of which a share was replaced at random."""
    rng = np.random.default_rng(seed)
    other = rng.integers(0, 5, pred.shape).astype(np.uint8)
    return np.where(rng.random(pred.shape) < share, other, pred)


def copied(source, share=0.0, order=None):
    """Predictions of another result, some changed, or under other episodes; losses shaken."""

    def change(info, columns):
        rows = slice(None) if order is None else order(len(columns["pred"]))
        columns["pred"] = noisy(source.columns["pred"][rows], share)
        for name in ("nll", "brier"):
            columns[name] = source.columns[name][rows] * 1.001
        fitted(info, columns)

    return change


def shuffle(n):
    return np.random.default_rng(5).permutation(n)


def backwards(n):
    return np.arange(n)[::-1]


# From the three seeds of a genuine row to those of the forged one, and the check of rows.
OF_ROW = {
    "a seed left out": (lambda row: row[:2], "missing seeds"),
    "the model of another seed": (
        lambda row: [
            row[0],
            forged(row[1], document("checkpoint", sha256=row[0].document.checkpoint.sha256)),
            row[2],
        ],
        "copied seeds",
    ),
    "predictions of another seed": (
        lambda row: [row[0], forged(row[1], copied(row[0])), row[2]],
        "copied seeds",
    ),
    "of which one in twenty was changed": (
        lambda row: [row[0], forged(row[1], copied(row[0], 0.05)), row[2]],
        "copied seeds",
    ),
    "under other episodes": (
        lambda row: [row[0], forged(row[1], copied(row[0], 0.02, shuffle)), row[2]],
        "copied seeds",
    ),
    "backwards": (
        lambda row: [row[0], row[1], forged(row[2], copied(row[1], 0.0, backwards))],
        "copied seeds",
    ),
    "losses of another seed": (
        lambda row: [
            row[0],
            forged(row[1], lambda i, c: c.update(nll=np.sort(row[0].columns["nll"]))),
            row[2],
        ],
        "copied seeds",
    ),
    "seeds of another setting": (
        lambda row: [*row[:2], forged(row[2], document("method", setting="transductive"))],
        "like seeds",
    ),
}  # fmt: skip


def older(info, columns):
    """A document of schema 2, which told neither stages nor the split."""
    info["schema_version"] = 2
    info["checkpoint"].pop("stages")
    info["dataset"].pop("split_sha256")


def other_classes(info, columns):
    classes([f"best{i}" for i in range(20)])(info, columns)


# From a genuine row to one result that stands beside it on the board, and the check of boards.
OF_BOARD = {
    "another method's name for its predictions": (
        lambda row: forged(maml(7), copied(row[0])),
        "copied rows",
    ),
    "of which one in twenty was changed": (
        lambda row: forged(maml(7), copied(row[0], 0.05)),
        "copied rows",
    ),
    "under other episodes": (
        lambda row: forged(maml(0), copied(row[0], 0.02, shuffle)),
        "copied rows",
    ),
    "another rate for the same predictions": (
        lambda row: forged(forged(row[0], config("train", lr=0.5, seed=9)), seeded(9)),
        "copied rows",
    ),
    "an older schema": (lambda row: forged(maml(0), older), "older schema"),
    "other classes of the same images": (lambda row: forged(maml(0), other_classes), "same data"),
    "other training classes": (
        lambda row: forged(
            maml(0), document("checkpoint", training_class_hashes=class_hashes(TRAINING[1:]))
        ),
        "same data",
    ),
    "images of another size": (
        lambda row: forged(
            maml(0), lambda i, c: i["dataset"]["preprocessing"].update(resize="84x84")
        ),
        "same data",
    ),
    "images that nobody knows": (
        lambda row: genuine(0, fingerprint="e" * 64),
        "known data",
    ),
}  # fmt: skip


def maml(seed):
    return genuine(seed, "maml", options={"bn": "support"})


def seeded(seed):
    return document("checkpoint", training_seed=seed, seed_group=[seed])
