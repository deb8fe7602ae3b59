"""Backbones, heads and layers, and the catalogue of their names."""

from fewshot_bench.registry import BACKBONES, HEADS

for _width in (32, 48, 64, 128):
    BACKBONES.add(
        f"conv4-{_width}",
        "fewshot_bench.nn.conv4:conv4",
        summary=f"four convolutions, {_width} channels, flattened features",
        paper="Vinyals et al. 2016, arXiv 1606.04080",
        options={"width": _width},
    )
BACKBONES.add(
    "resnet12",
    "fewshot_bench.nn.resnet12:resnet12",
    summary="residual blocks 64-128-256-512, average pooling",
    paper="Oreshkin et al. 2018, arXiv 1805.10123",
    options={"widths": (64, 128, 256, 512)},
)
BACKBONES.add(
    "resnet12-wide",
    "fewshot_bench.nn.resnet12:resnet12",
    summary="residual blocks 64-160-320-640, average pooling",
    paper="Lee et al. 2019, arXiv 1904.03758",
    options={"widths": (64, 160, 320, 640)},
)
for _family, _summary in (
    ("torchvision:NAME", "any classifier of torchvision, with or without weights"),
    ("timm:NAME", "any model of timm (extra timm), with or without weights"),
    ("module:PLACE:MAKE", "what a function in package.mod or FILE.py makes, with its weights"),
):
    BACKBONES.add(
        _family,
        "fewshot_bench.nn.given.backbone:given_backbone",
        summary=_summary,
        options={"kind": _family.partition(":")[0]},
    )
BACKBONES.add(
    "features",
    "fewshot_bench.nn.given.flat:flat",
    summary="features as they are, for the benchmark features:FILE",
)

HEADS.add(
    "linear",
    "fewshot_bench.nn.heads:LinearHead",
    summary="weights learned for each output; one number of classes",
    paper="Finn et al. 2017, arXiv 1703.03400",
)
HEADS.add(
    "zero",
    "fewshot_bench.nn.heads:ZeroHead",
    summary="zeros for every class; nothing is learned",
    paper="Ye and Chao 2021, arXiv 2106.16245",
)
HEADS.add(
    "cone",
    "fewshot_bench.nn.heads:ConeHead",
    summary="one learned vector, copied to every class",
    paper="Ye and Chao 2021, arXiv 2106.16245",
)
HEADS.add(
    "prototypes",
    "fewshot_bench.nn.metric_heads:PrototypeHead",
    summary="nearest class mean of the support set as a linear layer",
    paper="Triantafillou et al. 2019, arXiv 1903.03096",
)
HEADS.add(
    "prototypes[scale-free]",
    "fewshot_bench.nn.metric_heads:PrototypeHead",
    summary="nearest class mean with a learned temperature, for features of any length",
    paper="ours; means as in Triantafillou et al. 2019, arXiv 1903.03096",
    options={"scale_free": True},
)
HEADS.add(
    "cosine-prototypes",
    "fewshot_bench.nn.metric_heads:CosinePrototypeHead",
    summary="cosine to the class means of the support set as a linear layer",
    paper="Dhillon et al. 2019, arXiv 1909.02729",
)
HEADS.add(
    "cosine",
    "fewshot_bench.nn.metric_heads:CosineHead",
    summary="directions learned for each output, with a learned scale",
    paper="Chen et al. 2019, arXiv 1904.04232",
)
