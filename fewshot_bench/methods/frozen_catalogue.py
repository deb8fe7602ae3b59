"""Transforms, classifiers and refiners as methods: on a pre-trained backbone, or trained with it.

A part has a name of its own (``fsbench list classifiers``); here each of those that people compare
becomes a method in one entry, so that it can be measured, listed, and put into a grid.
"""

from fewshot_bench.methods.composed_catalogue import add

_TIP = "Zhang et al. 2022, arXiv 2207.09519"
_METAOPTNET = "Lee et al. 2019, arXiv 1904.03758"
_DSN = "Simon et al. 2020 (CVPR)"
_DN4 = "Li et al. 2019, arXiv 1903.12290"
_BDC = "Xie et al. 2022, arXiv 2204.04567"
_CTX = "Doersch et al. 2020, arXiv 2007.11498"
_TPN = "Liu et al. 2018, arXiv 1805.10002"
_CNAPS = "Bateni et al. 2019, arXiv 1912.03432"
_PT_MAP = "Hu et al. 2020, arXiv 2006.03806"

for _name, _transform, _summary, _paper in (
    ("[power]", "power", "of square roots of non-negative features", _PT_MAP),
    ("[pca]", "pca", "on the first principal axes of the support", "Pearson 1901 (Phil. Mag. 2)"),
    ("[whiten]", "whiten", "after whitening by the support", "Kessy et al. 2015, arXiv 1512.00809"),
):
    add(
        f"nearest-mean{_name}",
        "pretrained",
        f"nearest class mean {_summary}",
        _paper,
        transform=_transform,
    )
for _name, _classifier, _summary, _paper in (
    (
        "classifier-baseline",
        "cosine",
        "cosine to the class mean of pre-trained features",
        "Chen et al. 2020, arXiv 2003.04390",
    ),
    (
        "knn",
        "knn",
        "weighted vote of the nearest support images by cosine",
        "Oquab et al. 2023, arXiv 2304.07193",
    ),
    ("tip-adapter", "tip-cache", "a cache of support features by cosine, without text", _TIP),
    (
        "ridge",
        "ridge",
        "centred ridge, its penalty chosen by leaving one support image out",
        "Hoerl and Kennard 1970 (Technometrics 12)",
    ),
    (
        "svm",
        "svm",
        "multi-class support vector machine",
        "Crammer and Singer 2001 (JMLR 2)",
    ),
    (
        "lda",
        "lda",
        "linear discriminant with shrunk covariance",
        "Fisher 1936; shrinkage: Friedman 1989",
    ),
    (
        "gda",
        "gda",
        "Gaussian discriminant with shared covariance, without text",
        "Wang et al. 2024, arXiv 2402.04087",
    ),
    (
        "mahalanobis",
        "mahalanobis",
        "distance under a covariance for each class, regularised relative to the variance",
        _CNAPS,
    ),
):
    add(_name, "pretrained", _summary, _paper, transform="l2n", classifier=_classifier)
add(
    "mahalanobis[simple-cnaps]",
    "pretrained",
    "the same with the published identity matrix, on features as they are",
    _CNAPS,
    classifier="mahalanobis[simple-cnaps]",
)
for _name, _transform, _refiner, _summary, _paper in (
    (
        "tim-gd",
        "l2n",
        "tim-gd",
        "class means that inform about the queries, by Adam",
        "Boudiaf et al. 2020, arXiv 2008.11297",
    ),
    (
        "alpha-tim",
        "l2n",
        "alpha-tim",
        "TIM-GD with entropies that let classes differ in size",
        "Veilleux et al. 2021, arXiv 2204.11181",
    ),
    (
        "pt-map[estimate]",
        "pt-map",
        "pt-map[estimate]",
        "PT-MAP with the sizes of classes half estimated",
        _PT_MAP,
    ),
    (
        "ilpc",
        "ilpc",
        "ilpc",
        "the cleanest pseudo-labels join the support, equal classes supposed",
        "Lazarou et al. 2020, arXiv 2012.07962",
    ),
    (
        "ici",
        "l2n",
        "ici",
        "pseudo-labels that a linear model explains best join the support, round by round",
        "Wang et al. 2020, arXiv 2003.11853",
    ),
    (
        "entropy-tuning",
        "un",
        "entropy-tuning",
        "a cosine head tuned on support and queries' entropy, its network left alone",
        "Dhillon et al. 2019, arXiv 1909.02729",
    ),
):
    add(_name, "pretrained", _summary, _paper, transform=_transform, refiner=_refiner)

# Published as trained by episodes; "[pretrained]" is the same rule on a pre-trained backbone.
for _name, _summary, _paper, _parts in (
    ("matching-net", "", "Vinyals et al. 2016, arXiv 1606.04080", {"classifier": "matching"}),
    ("r2d2", "", "Bertinetto et al. 2018, arXiv 1805.08136", {"classifier": "r2d2"}),
    ("metaoptnet", "", _METAOPTNET, {"classifier": "metaoptnet-svm"}),
    ("dn4", "largest cosines of local descriptors", _DN4, {"classifier": "dn4"}),
    ("dsn", "distance to the affine span of each class", _DSN, {"classifier": "dsn"}),
    (
        "tpn",
        "labels flow along a Gaussian graph with one learned width",
        _TPN,
        {"transform": "l2n", "refiner": "tpn"},
    ),
    (
        "deep-emd",
        "similarity of local descriptors that optimal transport matches",
        "Zhang et al. 2020, arXiv 2003.06777",
        {"classifier": "deep-emd"},
    ),
    (
        "deep-bdc",
        "nearest mean of Brownian distance covariances of channels",
        _BDC,
        {"transform": "bdc"},
    ),
    (
        "metaoptnet-rr",
        "ridge with a learned scale",
        _METAOPTNET,
        {"classifier": "metaoptnet-rr"},
    ),
):
    if _summary:
        add(_name, "episodic", f"an embedding trained by episodes: {_summary}", _paper, **_parts)
    add(
        f"{_name}[pretrained]",
        "pretrained",
        f"what {_name} does with features, on pre-trained ones",
        _paper,
        **_parts,
    )
add(
    "ctx",
    "episodic",
    "trained by episodes: distance of a map to what its positions attend to in a class",
    _CTX,
    classifier="ctx[heads]",
)
add(
    "ctx[pretrained]",
    "pretrained",
    "what ctx does with maps, on pre-trained ones and without heads",
    _CTX,
    classifier="ctx",
)
add(
    "deep-bdc[stl]",
    "pretrained",
    "logistic regression on Brownian distance covariances, at length 1, of pre-trained maps",
    _BDC,
    transform="bdc[l2n]",
    classifier="logistic-regression",
    classifier_options={"c": 2.0},
)
