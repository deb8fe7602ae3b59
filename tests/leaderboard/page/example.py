"""A small leaderboard with one of everything that the page tells apart."""

import itertools

from fewshot_bench.leaderboard.board import Board, Leaderboard, Pool, Row

HOSTILE = "<script>window.hacked = 1</script><img src=x onerror='window.hacked = 1'>"
BREAKOUT = "</script><script>window.hacked = 2</script><!--"


def row(kind, name, accuracy, backbone, benchmark="glyphs", way=5, **more):
    return Row(
        id=f"{kind}-{benchmark}-{name[:5]}".replace("<", "-"),
        kind=kind,
        method=name,
        backbone=backbone,
        benchmark=benchmark,
        way=way,
        shot=1,
        accuracy=accuracy,
        **{"setting": "inductive", **more},
    )


def measured(name, accuracy, backbone, benchmark="glyphs", way=5, **more):
    known = {
        "low": accuracy - 0.01,
        "high": accuracy + 0.01,
        "interval": "method",
        "seeds": 3,
        "episodes": 1000,
        "pool": f"{benchmark}-{way}",
        "results": ("r",),
    }
    return row("measured", name, accuracy, backbone, benchmark, way, **{**known, **more})


def published(name, accuracy, backbone, benchmark="glyphs", way=5, **more):
    return row("published", name, accuracy, backbone, benchmark, way, **more)


GLYPHS = (
    measured("alpha", 0.70, "conv4-32", rank=(1, 2), time_s=0.02),
    measured(
        "beta",
        0.68,
        "conv4-64",
        rank=(1, 2),
        time_s=1.5,
        adaptation=True,
        mde80=0.015,
        memory=2_500_000_000,
        train_s=9000.0,
    ),
    measured("gamma", 0.60, "conv4-32", rank=(3, 3), time_s=0.003, seeds=1, mde80=0.02),
)
QUOTED = (
    published(
        "Delta",
        0.65,
        "4-CONV",
        source="github some/repository (arXiv 1703.03400)",
        flags=("re_run",),
        pre_trained=True,
    ),
    published(HOSTILE, 0.62, BREAKOUT, source="javascript:alert('github.com/')", note=BREAKOUT),
)
ZETA = measured("zeta", 0.72, "conv4-64", setting="transductive", time_s=0.1)
OMNIGLOT = (
    measured("beta", 0.97, "conv4-64", "omniglot", 20, rank=(1, 1)),
    measured("alpha", 0.95, "conv4-64", "omniglot", 20, rank=(2, 2)),
)
ELSEWHERE = published("Delta", 0.99, "ResNet-12", "omniglot", 20, low=0.985, high=0.995)


def board(rows, quoted=()):
    first = rows[0]
    return Board(
        id=f"{first.benchmark}/{first.way}-1/{first.setting}",
        benchmark=first.benchmark,
        way=first.way,
        shot=1,
        setting=first.setting,
        measured=tuple(rows),
        published=tuple(quoted),
    )


def pool(rows):
    """Half-widths are 1, 2, ... points and p values 0.001, 0.002, ... in the order of pairs."""
    rows = sorted(rows, key=lambda row: -row.accuracy)
    pairs = list(itertools.combinations(rows, 2))
    first = rows[0]
    return Pool(
        id=first.pool,
        benchmark=first.benchmark,
        way=first.way,
        shot=1,
        query=15,
        split="test",
        fingerprint="f",
        sampler="replacement, seed 0",
        episodes=1234,
        classes=20,
        images=400,
        rows=tuple(row.id for row in rows),
        difference=tuple(a.accuracy - b.accuracy for a, b in pairs),
        half_width=tuple(0.01 * (k + 1) for k in range(len(pairs))),
        p_holm=tuple(0.001 * (k + 1) if k < 4 else 0.3 for k in range(len(pairs))),
        closed=tuple("gamma" in (a.method, b.method) for a, b in pairs),
    )


def example():
    return Leaderboard(
        boards=(board(GLYPHS, QUOTED), board([ZETA]), board(OMNIGLOT, [ELSEWHERE])),
        pools=(pool([*GLYPHS, ZETA]), pool(OMNIGLOT)),
    )
