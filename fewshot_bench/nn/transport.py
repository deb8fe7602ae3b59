"""Optimal transport between small sets, exactly, for a batch of problems at a time.

The method of successive shortest paths: as long as a source has mass left, a cheapest path to a
sink that wants some takes as much as it can. A path may send earlier mass back, so every flow on
the way is the cheapest of its amount. All problems go in step; those that are done stand still.
"""

from typing import NamedTuple

import torch
from torch import Tensor

TINY = 1e-12  # mass, and difference of costs, that counts as none


class Paths(NamedTuple):
    """Cheapest paths from the sources that start to all nodes.

    Attributes:
        to_sources: (B, n) costs.
        to_sinks: (B, m) costs.
        sink_before: (B, n) the sink from which a path comes back to a source; -1 at its start.
        source_before: (B, m) the source from which a path comes to a sink; -1 without a path.
    """

    to_sources: Tensor
    to_sinks: Tensor
    sink_before: Tensor
    source_before: Tensor


def cheapest_paths(start: Tensor, cost: Tensor, flow: Tensor) -> Paths:
    """Relaxation after Bellman and Ford: forward along all edges, back along those with flow.

    Args:
        start: (B, n), zero at sources where paths start, infinite at others.
        cost: (B, n, m).
        flow: (B, n, m), one without a cheaper flow of its amount.
    """
    back = torch.where(flow > TINY, -cost, torch.inf)
    sources, sinks = start, torch.full_like(cost[:, 0], torch.inf)
    sink_before = torch.full_like(sources, -1, dtype=torch.long)
    source_before = torch.full_like(sinks, -1, dtype=torch.long)
    while True:
        offer, by = (sources.unsqueeze(-1) + cost).min(dim=-2)
        better = offer < sinks - TINY
        sinks = torch.where(better, offer, sinks)
        source_before = torch.where(better, by, source_before)
        offer, by = (sinks.unsqueeze(-2) + back).min(dim=-1)
        better = offer < sources - TINY
        if not better.any():
            return Paths(sources, sinks, sink_before, source_before)
        sources = torch.where(better, offer, sources)
        sink_before = torch.where(better, by, sink_before)


def _trace(paths: Paths, sink: Tensor) -> tuple[Tensor, Tensor]:
    """Paths to sinks (B, 1): edges (B, n, m), 1 forward and -1 back; and their starts (B, 1)."""
    rows = torch.arange(len(sink), device=sink.device).unsqueeze(-1)
    edges = paths.to_sources.new_zeros(*paths.to_sources.shape, paths.to_sinks.shape[-1])
    source = paths.source_before.gather(-1, sink).clamp(min=0)
    going = torch.ones_like(sink, dtype=torch.bool)
    while True:
        edges[rows, source, sink] += going.to(edges.dtype)
        before = paths.sink_before.gather(-1, source)
        going = going & (before >= 0)
        if not going.any():
            return edges, source
        sink = torch.where(going, before, sink)
        edges[rows, source, sink] -= going.to(edges.dtype)
        source = torch.where(going, paths.source_before.gather(-1, sink), source)


@torch.no_grad()
def transport(cost: Tensor, supply: Tensor, demand: Tensor) -> Tensor:
    """The flow with given margins that costs least.

    Args:
        cost: (B, n, m) float64, of a unit of mass.
        supply: (B, n), at least 0.
        demand: (B, m), at least 0, with the same sum.

    Returns:
        (B, n, m), at least 0.
    """
    flow, left, wanted = torch.zeros_like(cost), supply, demand
    while True:
        active = ((left > TINY).any(dim=-1) & (wanted > TINY).any(dim=-1)).unsqueeze(-1)
        if not active.any():
            return flow
        paths = cheapest_paths(torch.where(left > TINY, 0.0, torch.inf), cost, flow)
        sink = paths.to_sinks.masked_fill(wanted <= TINY, torch.inf).argmin(dim=-1, keepdim=True)
        edges, source = _trace(paths, sink)
        room = torch.where(edges < 0, flow, torch.inf).flatten(1).amin(dim=-1, keepdim=True)
        ends = torch.minimum(left.gather(-1, source), wanted.gather(-1, sink))
        amount = torch.where(active, torch.minimum(room, ends), 0.0)
        flow = (flow + amount.unsqueeze(-1) * edges).clamp(min=0)
        left = left.scatter_add(-1, source, -amount)
        wanted = wanted.scatter_add(-1, sink, -amount)


@torch.no_grad()
def prices(cost: Tensor, flow: Tensor) -> tuple[Tensor, Tensor]:
    """Derivatives of the least cost in supply (B, n) and demand (B, m), up to opposite numbers."""
    paths = cheapest_paths(torch.zeros_like(cost[:, :, 0]), cost, flow)
    return -paths.to_sources, paths.to_sinks
