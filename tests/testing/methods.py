"""A small method that keeps the contract, and one for each way to break it."""

import torch
import torch.nn.functional as F

from fewshot_bench.methods.base import EmbeddingMethod, FewShotMethod, Objective, Traits
from fewshot_bench.nn.heads import prototypes, squared_distances

MEAN = "norm.running_mean"


class Good(FewShotMethod):
    """Nearest class mean of centred pixels, with learned weights of the pixels."""

    traits = Traits("inductive")

    def __init__(self, setup=None, features=256):
        self.features = setup.image.channels * setup.image.size**2 if setup else features

    def init(self, generator):
        weight = 1 + 0.1 * torch.randn(self.features, generator=generator)
        return {"weight": weight, MEAN: torch.zeros(self.features)}

    def embed(self, params, images, mean=None):
        return (images.flatten(1) - (params[MEAN] if mean is None else mean)) * params["weight"]

    def classify(self, params, support, support_labels, query, n_way):
        return -squared_distances(query, prototypes(support, support_labels, n_way)) / self.features

    def logits(self, params, episode, mean=None):
        support, query = (self.embed(params, x, mean) for x in (episode.support, episode.query))
        return self.classify(params, support, episode.support_labels, query, episode.n_way)

    def episode_loss(self, params, episode):
        mean = torch.cat([episode.support, episode.query]).flatten(1).mean(dim=0)
        loss = F.cross_entropy(self.logits(params, episode, mean), episode.targets)
        return Objective(loss, {MEAN: mean})

    def predict(self, params, episode):
        return self.logits(params, episode)


class Transposed(Good):
    def predict(self, params, episode):
        return super().predict(params, episode).T


class Labels(Good):
    def predict(self, params, episode):
        return F.one_hot(super().predict(params, episode).argmax(dim=1), episode.n_way)


class Numpy(Good):
    def predict(self, params, episode):
        return super().predict(params, episode).numpy()


class Infinite(Good):
    def predict(self, params, episode):
        logits = super().predict(params, episode)
        return logits.masked_fill(logits < logits.mean(), -torch.inf)


class Peeks(Good):
    """Takes labels where it can get them."""

    def predict(self, params, episode):
        if episode.query_labels is None:
            return super().predict(params, episode)
        return F.one_hot(episode.query_labels, episode.n_way).to(episode.query.dtype)


class ReadsPositions(Good):
    """Takes queries to come class by class."""

    def predict(self, params, episode):
        labels = torch.arange(len(episode.query)) * episode.n_way // len(episode.query)
        return F.one_hot(labels, episode.n_way).to(episode.query.dtype)


class ReadsSupportOrder(Good):
    """Takes queries to come in the order of the support set."""

    def predict(self, params, episode):
        labels = episode.support_labels.repeat(len(episode.query))[: len(episode.query)]
        return F.one_hot(labels, episode.n_way).to(episode.query.dtype)


class HashesTheNumber(Good):
    """Takes the number of the episode, which is hidden, to tell the order of its queries."""

    def predict(self, params, episode):
        generator = torch.Generator().manual_seed(episode.number)
        labels = torch.randint(episode.n_way, (len(episode.query),), generator=generator)
        return F.one_hot(labels, episode.n_way).to(episode.query.dtype)


class FirstImage(Good):
    """Compares with the first support image that it gets, and takes it for class 0."""

    def predict(self, params, episode):
        logits = super().predict(params, episode)
        likeness = -(episode.query - episode.support[:1]).flatten(1).square().mean(dim=1)
        return logits + torch.stack([likeness, *[0 * likeness] * (episode.n_way - 1)], dim=1)


class CentresByQueries(Good):
    """Says inductive, and centres by the queries."""

    def predict(self, params, episode):
        mean = 0.5 * episode.query.flatten(1).mean(dim=0)
        support, query = episode.support, episode.query
        support, query = self.embed(params, support), self.embed(params, query, mean)
        return self.classify(params, support, episode.support_labels, query, episode.n_way)


class Counts(Good):
    """Says inductive, and is less sure of many queries than of one."""

    def predict(self, params, episode):
        return super().predict(params, episode) / len(episode.query)


class SaysTransductive(Good):
    traits = Traits("transductive_bn")


class PrefersAClass(Good):
    def predict(self, params, episode):
        return super().predict(params, episode) + torch.arange(episode.n_way)


class ByPosition(Good):
    """Takes the first parameter to be the weights."""

    def predict(self, params, episode):
        first = next(value for value in params.values())
        return super().predict(params, episode) + first.mean() * torch.arange(episode.n_way)

    traits = Traits("inductive", ways=5)


class Remembers(Good):
    calls = 0

    def predict(self, params, episode):
        self.calls += 1
        return super().predict(params, episode) * (1 + self.calls)


class TunesItself(Good):
    """Learns on from the test episodes."""

    def predict(self, params, episode):
        params["weight"].add_(1e-6)
        return super().predict(params, episode)


class ChangesImages(Good):
    def predict(self, params, episode):
        episode.query.clamp_(min=-1)
        return super().predict(params, episode)


class Double(Good):
    def init(self, generator):
        return {name: value.double() for name, value in super().init(generator).items()}


class NoDict(Good):
    def init(self, generator):
        return list(super().init(generator).values())


class OwnSeed(Good):
    draws = 0

    def init(self, generator):
        self.draws += 1
        return super().init(torch.Generator().manual_seed(self.draws))


class OneStart(Good):
    def init(self, generator):
        return super().init(torch.Generator().manual_seed(0))


class LossAlone(Good):
    def episode_loss(self, params, episode):
        return super().episode_loss(params, episode).loss


class VectorLoss(Good):
    def episode_loss(self, params, episode):
        losses = F.cross_entropy(self.logits(params, episode), episode.targets, reduction="none")
        return Objective(losses)


class NoGradient(Good):
    def episode_loss(self, params, episode):
        loss, seen = super().episode_loss(params, episode)
        return Objective(loss.detach(), seen)


class NoStatistics(Good):
    def episode_loss(self, params, episode):
        return Objective(super().episode_loss(params, episode).loss)


class StrangeStatistics(Good):
    def episode_loss(self, params, episode):
        loss, seen = super().episode_loss(params, episode)
        return Objective(loss, {**seen, "mean": seen[MEAN]})


class ScalarStatistics(Good):
    def episode_loss(self, params, episode):
        loss, seen = super().episode_loss(params, episode)
        return Objective(loss, {MEAN: seen[MEAN].mean()})


class ChangesInTraining(Good):
    def episode_loss(self, params, episode):
        with torch.no_grad():
            params[MEAN].add_(1.0)
        return super().episode_loss(params, episode)


class Idle(Good):
    def init(self, generator):
        return super().init(generator) | {"idle": torch.ones(2)}


class Crashes(Good):
    def predict(self, params, episode):
        raise KeyError("a name\nof two lines")


class NoTraits(Good):
    traits = None


class OtherTraits(Good):
    traits = Traits("sometimes")


class NoMethodLater(Good):
    def at(self, progress):
        return None


class StrangeBuffer(Good):
    def finish(self, params, images):
        return {"mean": torch.zeros(3)}


class GoodEmbedding(Good, EmbeddingMethod):
    """The good one, each image by itself."""

    predict = EmbeddingMethod.predict


class EmbedsTogether(GoodEmbedding):
    def embed(self, params, images, mean=None):
        return super().embed(params, images, images.flatten(1).mean(dim=0))


class EmbedsMaps(GoodEmbedding):
    def embed(self, params, images, mean=None):
        return images


class OneEpisodeOnly(GoodEmbedding):
    """Takes the labels of the first episode for all."""

    def classify(self, params, support, support_labels, query, n_way):
        first = support_labels.flatten(0, -2)[0] if support_labels.dim() > 1 else support_labels
        return super().classify(params, support, first.expand_as(support_labels), query, n_way)


class SaysTwoThings(GoodEmbedding):
    def predict(self, params, episode):
        return 2 * super().predict(params, episode)
