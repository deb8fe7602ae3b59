"""Classifiers of queries by the support of their episode, and the catalogue of their names."""

from typing import Any

from fewshot_bench.registry import CLASSIFIERS

_HOME = "fewshot_bench.methods.classifiers"


def _add(name: str, target: str, summary: str, paper: str = "", **options: Any) -> None:
    CLASSIFIERS.add(
        name,
        f"{_HOME}.{target}",
        summary=summary,
        paper=paper,
        setting="inductive",
        options=options,
    )


_CLOSER_LOOK = "Chen et al. 2019, arXiv 1904.04232"
_METAOPTNET = "Lee et al. 2019, arXiv 1904.03758"
_DSN = "Simon et al., CVPR 2020"
_FEAT = "Ye et al. 2018, arXiv 1812.03664"
_CTX = "Doersch et al. 2020, arXiv 2007.11498"

_add(
    "nearest-mean",
    "prototypes:NearestMean",
    "negative squared distance to the class mean",
    "Snell et al. 2017, arXiv 1703.05175",
)
_add(
    "cosine",
    "prototypes:CosineMean",
    "cosine to the class mean",
    "Chen et al. 2020, arXiv 2003.04390",
)
_add(
    "matching",
    "memory:Memory",
    "attention over support items by their cosine",
    "Vinyals et al. 2016, arXiv 1606.04080",
)
_add(
    "matching[closer-look]",
    "memory:Memory",
    "matching with negative cosines at 0 and scale 100",
    _CLOSER_LOOK,
    scale=100.0,
    rectified=True,
)
_add(
    "tip-cache",
    "memory:Memory",
    "mean over each class of exp(5.5 cosine), without text",
    "Zhang et al. 2022, arXiv 2207.09519",
    scale=5.5,
    over_class="mean",
)
_add(
    "knn",
    "memory:Neighbours",
    "weighted vote of the nearest support items by cosine",
    "Oquab et al. 2023, arXiv 2304.07193",
)
_add(
    "ridge",
    "ridge_loo:LeaveOneOutRidge",
    "centred ridge, its penalty chosen by leaving one support item out",
)
_add(
    "r2d2",
    "ridge:R2D2",
    "ridge with a penalised intercept; scale learned over episodes",
    "Bertinetto et al. 2018, arXiv 1805.08136",
    learned=True,
)
_add(
    "metaoptnet-rr",
    "ridge:Ridge",
    "ridge without intercept; scale learned over episodes",
    _METAOPTNET,
    penalty=50.0,
    scale=2.0,
    learned=True,
)
_add(
    "metaoptnet-svm",
    "svm:SVM",
    "multi-class support vector machine with jitter; scale learned over episodes",
    _METAOPTNET,
    learned=True,
)
_add(
    "svm",
    "svm:SVM",
    "multi-class support vector machine without jitter",
    "Crammer, Singer 2001 (JMLR 2)",
    jitter=0.0,
    scale=10.0,
)
_add(
    "logistic-regression",
    "logistic:LogisticRegression",
    "optimum of regularised multinomial logistic regression",
    "Tian et al. 2020, arXiv 2003.11539",
)
_add(
    "baseline",
    "logistic:LogisticRegression",
    "where a linear head with weight decay 1e-3 goes",
    _CLOSER_LOOK,
    c=1000.0,
    mean=True,
)
_add(
    "baseline++",
    "cosine_head:CosineHead",
    "cosine head, tuned on the support from the class means",
    _CLOSER_LOOK,
)
_add(
    "lda",
    "discriminant:LDA",
    "linear discriminant with shrunk covariance",
    "Fisher 1936; shrinkage: Friedman 1989",
)
_add(
    "gda",
    "discriminant:GDA",
    "Gaussian discriminant with shared covariance, without text",
    "Wang et al. 2024, arXiv 2402.04087",
)
_add(
    "mahalanobis",
    "mahalanobis:Mahalanobis",
    "distance under a regularised covariance for each class; identity relative to the variance",
    "Bateni et al. 2019, arXiv 1912.03432",
)
_add(
    "mahalanobis[simple-cnaps]",
    "mahalanobis:Mahalanobis",
    "the same with the published identity matrix",
    "Bateni et al. 2019, arXiv 1912.03432",
    relative=False,
)
_add("dsn", "subspace:Subspace", "distance to the affine span of each class", _DSN)
_add(
    "dsn[linear]",
    "subspace:Subspace",
    "distance to the linear span of each class",
    _DSN,
    affine=False,
)
_add(
    "dn4",
    "local:LocalDescriptors",
    "largest cosines of local descriptors to all of a class; give channels for maps",
    "Li et al. 2019, arXiv 1903.12290",
)
_add(
    "ctx",
    "cross_attention:CrossTransformers",
    "distance of a map to what its positions attend to in a class; give channels for maps",
    _CTX,
)
_add(
    "ctx[heads]",
    "cross_attention:CrossTransformers",
    "the same with keys and values of 128 channels learned over episodes",
    _CTX,
    heads=128,
)
_add(
    "deep-emd",
    "earth_mover:EarthMover",
    "similarity of local descriptors that optimal transport matches; give channels for maps",
    "Zhang et al. 2020, arXiv 2003.06777",
)
_add(
    "feat",
    "set_attention:SetAttention",
    "nearest class mean after self-attention among the means",
    _FEAT,
)
_add(
    "feat[contrastive]",
    "set_attention:SetAttention",
    "the same, and in training each image is near to the centre of its adapted class",
    _FEAT,
    balance=1.0,
)
