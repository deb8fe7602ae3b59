"""Few-shot methods, and the catalogue of their names: each fact of a method stands here once.

Nothing here imports torch. Where an option decides whether queries may see each other, the entry
says so by a function of the options (``setting_by``); a test compares it with what the built method
says of itself. What a member of the MAML family leaves out of its paper is noted at its entry.
"""

import sys
from types import ModuleType
from typing import TYPE_CHECKING, Any

from fewshot_bench.methods.statistics import by_statistics
from fewshot_bench.registry import METHODS

if TYPE_CHECKING:
    import pandas as pd

_MAML = "fewshot_bench.methods.maml:maml"


class _Listing(ModuleType):
    """``fsb.methods`` is this package, and ``fsb.methods()`` lists what it registers."""

    def __call__(self) -> "pd.DataFrame":
        """Registered methods, one row each."""
        from fewshot_bench.registry import as_table

        return as_table(METHODS, ("name", "setting", "summary", "paper"))


sys.modules[__name__].__class__ = _Listing


def _add(name: str, target: str, summary: str, paper: str, **facts: Any) -> None:
    """A gradient method whose queries share batch statistics unless ``bn`` says otherwise."""
    METHODS.add(
        name,
        target,
        summary=summary,
        paper=paper,
        **{"setting": "transductive_bn", "setting_by": by_statistics, **facts},
    )


METHODS.add(
    "protonet",
    "fewshot_bench.methods.protonet:protonet",
    summary="nearest class mean in a learned feature space",
    paper="Snell et al. 2017, arXiv 1703.05175",
    setting="inductive",
)
_add(
    "maml",
    _MAML,
    "learned initialisation, gradient steps on the support set",
    "Finn et al. 2017, arXiv 1703.03400",
)
_add(
    "fomaml",
    _MAML,
    "MAML whose outer gradient treats inner gradients as constants",
    "Finn et al. 2017, arXiv 1703.03400",
    options={"order": 1},
)
METHODS.add(
    "maml++",
    "fewshot_bench.methods.maml_plus_plus:maml_plus_plus",
    summary="MAML with a loss, rates and statistics for each inner step",
    paper="Antoniou et al. 2018, arXiv 1810.09502",
    setting="inductive",
)
_add(
    "proto-maml",
    _MAML,
    "MAML whose head begins as nearest class mean; first order, as in the paper",
    "Triantafillou et al. 2019, arXiv 1903.03096",
    options={"head": "prototypes", "order": 1},
)
# One step, with rates of any sign that start uniformly between 0.005 and 0.1.
_add(
    "meta-sgd",
    _MAML,
    "MAML with a learned rate for each weight",
    "Li et al. 2017, arXiv 1707.09835",
    options={"optimizer": "element-rates", "steps": 1, "test_steps": 1},
)
# The body learns from the outer gradient only and runs once per episode. The paper's NIL variant,
# which also drops the head at test, is not here.
_add(
    "anil",
    _MAML,
    "MAML that adapts the head only",
    "Raghu et al. 2019, arXiv 1909.09157",
    options={"adapt": "head", "lr": 0.1},
)
# One large step, as released. A resnet12 keeps its last skip connection, which the paper removes.
_add(
    "boil",
    _MAML,
    "MAML that adapts the body only",
    "Oh et al. 2020, arXiv 2008.08882",
    options={"adapt": "body", "steps": 1, "test_steps": 1, "lr": 0.5},
)
for _name, _transductive in (("reptile", False), ("reptile[transductive]", True)):
    METHODS.add(
        _name,
        "fewshot_bench.methods.reptile:reptile",
        summary="Reptile with batch statistics over all queries"
        if _transductive
        else "moves the initialisation towards trained tasks, queries one by one",
        paper="Nichol et al. 2018, arXiv 1803.02999",
        setting="transductive_bn" if _transductive else "inductive",
        setting_by=lambda o: "transductive_bn" if o.get("transductive") else "inductive",
        options={"transductive": True} if _transductive else {},
        version=2,
    )
_add(
    "cavia",
    "fewshot_bench.methods.cavia:cavia",
    "adapts a small context vector that modulates the network",
    "Zintgraf et al. 2018, arXiv 1810.03642",
)
_add(
    "t-net",
    "fewshot_bench.methods.tnet:tnet",
    "MAML preconditioned by learned 1x1 convolutions",
    "Lee and Choi 2018, arXiv 1801.05558",
)
_add(
    "mt-net",
    "fewshot_bench.methods.tnet:tnet",
    "T-Net that draws for each task which channels may move",
    "Lee and Choi 2018, arXiv 1801.05558",
    options={"optimizer": "row-masks"},
)
_add(
    "warpgrad",
    "fewshot_bench.methods.warpgrad:warpgrad",
    "MAML preconditioned by learned 3x3 convolutions (Warp-MAML)",
    "Flennerhag et al. 2019, arXiv 1909.00025",
)
_add(
    "warpgrad[one-step]",
    "fewshot_bench.methods.warpgrad:warpgrad",
    "WarpGrad whose warps learn from single inner steps, as in the paper",
    "Flennerhag et al. 2019, arXiv 1909.00025",
    options={"one_step": True},
    version=2,
)
_add(
    "meta-curvature",
    _MAML,
    "MAML with learned matrices along the modes of its gradients",
    "Park and Oliva 2019, arXiv 1902.03356",
    options={"optimizer": "curvature", "lr": 0.1},
)
# The variant with a learned initialisation. Not here: the other parts of MAML++ that the released
# code is built on (per-step normalisation, multi-step loss, an ensemble at test). Scales and shifts
# of the normalisation stay put, as released.
_add(
    "alfa",
    _MAML,
    "MAML with rates and decays generated from the state of the task",
    "Baik et al. 2020, arXiv 2011.00209",
    options={"optimizer": "generated-rates", "test_steps": 5, "adapt": "all_but_norm"},
)
# The outer rate is the same for scales and weights; the paper has one for each.
_add(
    "gap",
    _MAML,
    "MAML that rescales the singular values of its gradients",
    "Kang et al. 2023, arXiv 2304.01552",
    options={"optimizer": "singular-scales"},
)
# The numbering of the classes can't matter, and training episodes may have another number of
# classes than test episodes. The paper also starts from a pre-trained backbone.
_add(
    "unicorn-maml",
    _MAML,
    "MAML whose head begins alike for every class",
    "Ye and Chao 2021, arXiv 2106.16245",
    options={"head": "zero", "lr": 0.05},
)
METHODS.add(
    "metal",
    "fewshot_bench.methods.metal:metal",
    summary="MAML whose inner loss is learned for each step and adapted to the task",
    paper="Baik et al. 2021, arXiv 2110.03909",
    setting="transductive",
    version=2,
)
METHODS.add(
    "sca",
    "fewshot_bench.methods.sca:sca",
    summary="MAML, then a step on a learned critic of the query predictions",
    paper="Antoniou and Storkey 2019, arXiv 1905.10295",
    setting="transductive",
    version=2,
)

# MAML with losses made for supervised training, combinations of our own. Of AdaLFL only the network
# is used; its updates during training need a validation set, which one task does not have. The
# smoothing of sparse_lsr is the custom of label smoothing, not tuned for few shots.
for _name, _loss, _summary, _paper in (
    (
        "maml+sparse_lsr",
        "sparse_lsr",
        "MAML with sparse label smoothing in the inner loop",
        "loss: Raymond 2024, arXiv 2406.09713",
    ),
    (
        "maml+ml3",
        "ml3",
        "MAML whose inner loss is a network, learned with the start",
        "loss: Bechtle et al. 2021, arXiv 1906.05374",
    ),
    (
        "maml+adalfl",
        "adalfl",
        "as maml+ml3, with AdaLFL's smooth network (not its online phase)",
        "loss: Raymond et al. 2023, arXiv 2301.13247",
    ),
    (
        "maml+evomal",
        "absolute_cross_entropy",
        "MAML whose inner loss is a found expression, its weights learned on",
        "loss: Raymond et al. 2023, arXiv 2209.08907",
    ),
    (
        "maml+taylorglo",
        "taylorglo",
        "MAML whose inner loss is a polynomial with learned coefficients",
        "loss: Gonzalez and Miikkulainen 2021, arXiv 2002.00059",
    ),
):
    _add(
        _name,
        _MAML,
        f"our adaptation: {_summary}",
        _paper,
        adaptation=True,
        options={"loss": _loss},
    )

from fewshot_bench.methods import adapted_catalogue as _adapted  # noqa: E402, F401
from fewshot_bench.methods import composed_catalogue as _composed  # noqa: E402, F401
from fewshot_bench.methods import frozen_catalogue as _frozen  # noqa: E402, F401
from fewshot_bench.methods.npbml import catalogue as _npbml  # noqa: E402, F401
