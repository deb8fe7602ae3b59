"""Lists of episodes are those of the stored results: digests made by earlier versions."""

import json
from pathlib import Path

import numpy as np

from fewshot_bench.data.episodes import Task, episode_hashes
from fewshot_bench.data.pool import Pool
from fewshot_bench.data.samplers.base import make_sampler
from fewshot_bench.evaluation.compact import list_sha256

RESULTS = Path(__file__).parents[3] / "leaderboards" / "results"


def stored_lists():
    """One document of each list of episodes."""
    documents = [json.loads(file.read_text()) for file in sorted(RESULTS.rglob("result.json"))]
    return {d["protocol"]["episode_list_sha256"]: d for d in documents}.values()


def test_stored_prefix_digests_are_found_again():
    seen = 0
    for document in stored_lists():
        protocol, dataset = document["protocol"], document["dataset"]
        sizes = np.array([size for size, count in dataset["pool_runs"] for _ in range(count)])
        names = tuple(map(str, range(len(sizes))))
        pool = Pool(dataset["split"], names, sizes, dataset["fingerprint"])
        task = Task(protocol["way"], protocol["shot"], protocol["query"])
        sampler = make_sampler(protocol["sampler"]["mode"], pool, task, protocol["sampler"]["seed"])
        assert sampler.protocol_id == protocol["id"]
        hashes = episode_hashes(pool.fingerprint, sampler(0, protocol["T"]))
        for count, digest in protocol["prefix_sha256"].items():
            assert list_sha256(hashes[: int(count)]) == digest
            seen += 1
    assert seen >= 10


def test_disjoint_lists_are_those_of_version_1():
    pool = Pool("test", tuple("abcdef"), np.array([21, 30, 17, 24, 40, 18]), "f" * 64)
    sampler = make_sampler("disjoint", pool, Task(3, 1, 4), 7)
    hashes = episode_hashes(pool.fingerprint, sampler(0, sampler.total))
    assert sampler.total == 6
    assert list_sha256(hashes) == "6f9d5d5ab7159bb87c7ccc57972249484abddf61773270302d02d8e5835bab2f"
