"""Optimal transport between small sets, for a batch of problems at a time.

A primal-dual interior-point method with the predictor and corrector of Mehrotra (1992, SIAM Journal
on Optimization 2). A problem stops for itself, so its result does not depend on its batch.
"""

from typing import NamedTuple

import torch
from torch import Tensor

from fewshot_bench.nn.algebra import solve_spd


class Transport(NamedTuple):
    """An optimal flow, and its prices.

    Attributes:
        flow: (..., n, m), above 0.
        supply_price: (..., n), the derivative of the least cost in the supply.
        demand_price: (..., m), in the demand; both up to a number that cancels.
    """

    flow: Tensor
    supply_price: Tensor
    demand_price: Tensor

    @property
    def prices(self) -> Tensor:
        """Of a unit of mass from each source to each sink (..., n, m); at most its cost."""
        return self.supply_price.unsqueeze(-1) + self.demand_price.unsqueeze(-2)


def _balance(weights: Tensor, rows: Tensor, columns: Tensor) -> tuple[Tensor, Tensor]:
    """u, v for which ``weights * (u_i + v_j)`` has the given sums of rows and columns; last v is 0.

    Elimination of u leaves the Laplacian of a graph of the sinks, whose diagonal is found from its
    other entries: no digit is lost when the weights span many orders.
    """
    total = weights.sum(dim=-1, keepdim=True)
    shares = weights / total
    links = shares.mT @ weights
    links.diagonal(dim1=-2, dim2=-1).zero_()
    laplacian = links.sum(dim=-1).diag_embed() - links
    right = columns.unsqueeze(-1) - shares.mT @ rows.unsqueeze(-1)
    v = torch.zeros_like(right)
    v[..., :-1, :] = solve_spd(laplacian[..., :-1, :-1], right[..., :-1, :])
    u = (rows.unsqueeze(-1) - weights @ v) / total
    return u.squeeze(-1), v.squeeze(-1)


def _room(value: Tensor, change: Tensor) -> Tensor:
    """The largest step (..., 1, 1), at most 1, after which values are still above 0."""
    ratio = torch.where(change < 0, -value / change, torch.inf)
    return (0.9995 * ratio.amin(dim=(-2, -1), keepdim=True)).clamp(max=1)


@torch.no_grad()
def transport(
    cost: Tensor, supply: Tensor, demand: Tensor, gap: float = 1e-11, limit: int = 50
) -> Transport:
    """The flow with given margins that costs least.

    Args:
        cost: (..., n, m) float64, of a unit of mass.
        supply: (..., n), above 0.
        demand: (..., m), above 0, with the same sum.
        gap: by how much a unit of mass may cost more than the least at the end.
        limit: most steps; what they reach is returned.
    """
    mass = supply.sum(dim=-1)[..., None, None]
    flow = supply.unsqueeze(-1) * demand.unsqueeze(-2) / mass
    u, v = cost.amin(dim=-1) - 1, torch.zeros_like(demand)
    for _ in range(limit):
        slack = cost - Transport(flow, u, v).prices
        product = flow * slack
        active = product.sum(dim=(-2, -1), keepdim=True) > gap * mass
        if not active.any():
            break
        missing = supply - flow.sum(dim=-1), demand - flow.sum(dim=-2)
        weights = flow / slack

        def towards(target: Tensor) -> tuple[Tensor, Tensor, Tensor]:
            """The Newton step (flow, u, v) to ``flow * slack = target`` and the margins."""
            pull = target / slack - flow
            du, dv = _balance(
                weights, missing[0] - pull.sum(dim=-1), missing[1] - pull.sum(dim=-2)
            )
            return pull + weights * Transport(flow, du, dv).prices, du, dv

        change, du, dv = towards(torch.zeros_like(product))
        fall = -Transport(flow, du, dv).prices
        after = (flow + _room(flow, change) * change) * (slack + _room(slack, fall) * fall)
        mean = product.mean(dim=(-2, -1), keepdim=True)
        centre = (after.mean(dim=(-2, -1), keepdim=True) / mean) ** 3 * mean
        change, du, dv = towards(centre - change * fall)
        step = torch.where(active, _room(flow, change), 0.0)
        flow = flow + step * change
        step = torch.where(active, _room(slack, -Transport(flow, du, dv).prices), 0.0).squeeze(-1)
        u, v = u + step * du, v + step * dv
    return Transport(flow, u, v)
