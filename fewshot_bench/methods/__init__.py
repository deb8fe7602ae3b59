"""Few-shot methods, and the catalogue of their names."""

from fewshot_bench.registry import METHODS

METHODS.add(
    "protonet",
    "fewshot_bench.methods.protonet:ProtoNet",
    summary="nearest class mean in a learned feature space",
    paper="Snell et al. 2017, arXiv 1703.05175",
    setting="inductive",
)
METHODS.add(
    "maml",
    "fewshot_bench.methods.maml:maml",
    summary="learned initialisation, gradient steps on the support set",
    paper="Finn et al. 2017, arXiv 1703.03400",
    setting="transductive_bn",
)
METHODS.add(
    "fomaml",
    "fewshot_bench.methods.maml:maml",
    summary="MAML whose outer gradient treats inner gradients as constants",
    paper="Finn et al. 2017, arXiv 1703.03400",
    setting="transductive_bn",
    options={"order": 1},
)
METHODS.add(
    "maml++",
    "fewshot_bench.methods.maml_plus_plus:maml_plus_plus",
    summary="MAML with a loss, rates and statistics for each inner step",
    paper="Antoniou et al. 2018, arXiv 1810.09502",
    setting="inductive",
)
METHODS.add(
    "meta-sgd",
    "fewshot_bench.methods.meta_sgd:meta_sgd",
    summary="MAML with a learned rate for each weight",
    paper="Li et al. 2017, arXiv 1707.09835",
    setting="transductive_bn",
)
METHODS.add(
    "anil",
    "fewshot_bench.methods.anil:anil",
    summary="MAML that adapts the head only",
    paper="Raghu et al. 2019, arXiv 1909.09157",
    setting="transductive_bn",
)
METHODS.add(
    "boil",
    "fewshot_bench.methods.boil:boil",
    summary="MAML that adapts the body only",
    paper="Oh et al. 2020, arXiv 2008.08882",
    setting="transductive_bn",
)
METHODS.add(
    "reptile",
    "fewshot_bench.methods.reptile:reptile",
    summary="moves the initialisation towards trained tasks, queries one by one",
    paper="Nichol et al. 2018, arXiv 1803.02999",
    setting="inductive",
)
METHODS.add(
    "reptile[transductive]",
    "fewshot_bench.methods.reptile:reptile",
    summary="Reptile with batch statistics over all queries",
    paper="Nichol et al. 2018, arXiv 1803.02999",
    setting="transductive_bn",
    options={"transductive": True},
)
METHODS.add(
    "cavia",
    "fewshot_bench.methods.cavia:cavia",
    summary="adapts a small context vector that modulates the network",
    paper="Zintgraf et al. 2018, arXiv 1810.03642",
    setting="transductive_bn",
)
METHODS.add(
    "t-net",
    "fewshot_bench.methods.tnet:tnet",
    summary="MAML preconditioned by learned 1x1 convolutions",
    paper="Lee and Choi 2018, arXiv 1801.05558",
    setting="transductive_bn",
)
METHODS.add(
    "mt-net",
    "fewshot_bench.methods.tnet:mtnet",
    summary="T-Net that draws for each task which channels may move",
    paper="Lee and Choi 2018, arXiv 1801.05558",
    setting="transductive_bn",
)
METHODS.add(
    "warpgrad",
    "fewshot_bench.methods.warpgrad:warpgrad",
    summary="MAML preconditioned by learned 3x3 convolutions (Warp-MAML)",
    paper="Flennerhag et al. 2019, arXiv 1909.00025",
    setting="transductive_bn",
)
METHODS.add(
    "warpgrad[one-step]",
    "fewshot_bench.methods.warpgrad:warpgrad",
    summary="WarpGrad whose warps learn from single inner steps, as in the paper",
    paper="Flennerhag et al. 2019, arXiv 1909.00025",
    setting="transductive_bn",
    options={"one_step": True},
)
METHODS.add(
    "meta-curvature",
    "fewshot_bench.methods.meta_curvature:meta_curvature",
    summary="MAML with learned matrices along the modes of its gradients",
    paper="Park and Oliva 2019, arXiv 1902.03356",
    setting="transductive_bn",
)
METHODS.add(
    "alfa",
    "fewshot_bench.methods.alfa:alfa",
    summary="MAML with rates and decays generated from the state of the task",
    paper="Baik et al. 2020, arXiv 2011.00209",
    setting="transductive_bn",
)
METHODS.add(
    "gap",
    "fewshot_bench.methods.gap:gap",
    summary="MAML that rescales the singular values of its gradients",
    paper="Kang et al. 2023, arXiv 2304.01552",
    setting="transductive_bn",
)
METHODS.add(
    "unicorn-maml",
    "fewshot_bench.methods.unicorn_maml:unicorn_maml",
    summary="MAML whose head begins alike for every class",
    paper="Ye and Chao 2021, arXiv 2106.16245",
    setting="transductive_bn",
)

_NPBML = "Raymond et al. 2024, arXiv 2406.07983"
_START = {"warp": False, "losses": (), "film": False}
_START_AND_LOSS = {"warp": False, "film": False}
for _name, _summary, _setting, _options in (
    ("npbml", "start, optimiser and loss learned together; pre-trained", "transductive", {}),
    # The paper's ladder: what is learned beside the start.
    ("npbml[init]", "NPBML, the start only", "transductive_bn", _START),
    (
        "npbml[init+opt]",
        "NPBML, start and optimiser",
        "transductive_bn",
        {"losses": (), "film": False},
    ),
    ("npbml[init+loss]", "NPBML, start and loss", "transductive", _START_AND_LOSS),
    (
        "npbml[init+opt+loss]",
        "NPBML without conditioning on the task",
        "transductive",
        {"film": False},
    ),
    # Start and one of the three loss networks.
    (
        "npbml[loss-inductive]",
        "NPBML, start and the loss network of the support set",
        "transductive_bn",
        {**_START_AND_LOSS, "losses": ("inductive",)},
    ),
    (
        "npbml[loss-transductive]",
        "NPBML, start and the loss network of the queries",
        "transductive",
        {**_START_AND_LOSS, "losses": ("transductive",)},
    ),
    (
        "npbml[loss-regulariser]",
        "NPBML, start and the loss network of the weights",
        "transductive_bn",
        {**_START_AND_LOSS, "losses": ("regulariser",)},
    ),
    # What the whole owes to the queries and to pre-training.
    (
        "npbml[inductive]",
        "NPBML that looks at one query at a time",
        "inductive",
        {"losses": ("inductive", "regulariser"), "bn": "support"},
    ),
    (
        "npbml[no-pretraining]",
        "NPBML with all blocks learned in the outer loop",
        "transductive",
        {"trunk": "learned"},
    ),
):
    METHODS.add(
        _name,
        "fewshot_bench.methods.npbml:npbml",
        summary=_summary,
        paper=_NPBML,
        setting=_setting,
        options=_options,
    )

METHODS.add(
    "metal",
    "fewshot_bench.methods.metal:metal",
    summary="MAML whose inner loss is learned for each step and adapted to the task",
    paper="Baik et al. 2021, arXiv 2110.03909",
    setting="transductive",
)
METHODS.add(
    "sca",
    "fewshot_bench.methods.sca:sca",
    summary="MAML, then a step on a learned critic of the query predictions",
    paper="Antoniou and Storkey 2019, arXiv 1905.10295",
    setting="transductive",
)

# Combinations of our own (contrib).
METHODS.add(
    "maml+sparse_lsr",
    "fewshot_bench.methods.contrib.maml_losses:maml_sparse_lsr",
    summary="our adaptation: MAML with sparse label smoothing in the inner loop",
    paper="loss: Raymond 2024, arXiv 2406.09713",
    setting="transductive_bn",
)
METHODS.add(
    "maml+ml3",
    "fewshot_bench.methods.contrib.maml_losses:maml_loss_network",
    summary="our adaptation: MAML whose inner loss is a network, learned with the start",
    paper="loss: Bechtle et al. 2021, arXiv 1906.05374",
    setting="transductive_bn",
    options={"network": "ml3"},
)
METHODS.add(
    "maml+adalfl",
    "fewshot_bench.methods.contrib.maml_losses:maml_loss_network",
    summary="our adaptation: as maml+ml3, with AdaLFL's smooth network (not its online phase)",
    paper="loss: Raymond et al. 2023, arXiv 2301.13247",
    setting="transductive_bn",
    options={"network": "adalfl"},
)
METHODS.add(
    "maml+evomal",
    "fewshot_bench.methods.contrib.maml_losses:maml_named_loss",
    summary="our adaptation: MAML whose inner loss is a found expression, its weights learned on",
    paper="loss: Raymond et al. 2023, arXiv 2209.08907",
    setting="transductive_bn",
    options={"loss": "absolute_cross_entropy"},
)
METHODS.add(
    "maml+taylorglo",
    "fewshot_bench.methods.contrib.maml_losses:maml_named_loss",
    summary="our adaptation: MAML whose inner loss is a polynomial with learned coefficients",
    paper="loss: Gonzalez and Miikkulainen 2021, arXiv 2002.00059",
    setting="transductive_bn",
    options={"loss": "taylorglo"},
)
