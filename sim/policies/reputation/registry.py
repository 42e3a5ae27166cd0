"""Rules of reputation by name, those of installed packages among them."""

from __future__ import annotations

from functools import cache
from importlib.metadata import entry_points as search_entry_points

from sim.policies.reputation.base import Rule
from sim.policies.reputation.beta import Beta, BetaForgetting
from sim.policies.reputation.eigentrust import EigenTrust, EigenTrustSeeded
from sim.policies.reputation.erc8004 import ClampedMean, DeployedMean, Median, OnePerRater
from sim.policies.reputation.fairness_goodness import Fairness, FairnessGoodness
from sim.policies.reputation.mean import Mean
from sim.policies.reputation.none import Nobody
from sim.policies.reputation.novai import Novai
from sim.policies.reputation.peertrust import PeerTrustPsm, PeerTrustTvm
from sim.policies.reputation.sum import Sum

# a search of all that is installed takes longer than a small world: done once
entry_points = cache(lambda group: tuple(search_entry_points(group=group)))


def load_reputation_rules() -> dict[str, type[Rule]]:
    """Rule classes by name, in the order every table shows them.

    Entry points of the group `ambit.reputation` add to them; each names a frozen dataclass.
    Errors: ValueError if a package reuses a name.
    """
    rules: dict[str, type[Rule]] = {
        "none": Nobody,
        "mean": Mean,
        "sum": Sum,
        "beta": Beta,
        "beta_forgetting": BetaForgetting,
        "novai": Novai,
        "eigentrust": EigenTrust,
        "eigentrust_seeded": EigenTrustSeeded,
        "peertrust_tvm": PeerTrustTvm,
        "peertrust_psm": PeerTrustPsm,
        "fairness_goodness": FairnessGoodness,
        "fairness": Fairness,
        "erc8004_mean": DeployedMean,
        "erc8004_clamped": ClampedMean,
        "erc8004_median": Median,
        "erc8004_one_per_rater": OnePerRater,
    }
    for entry in entry_points(group="ambit.reputation"):
        if entry.name in rules:
            raise ValueError(f"reputation rule {entry.name!r} is defined twice")
        rules[entry.name] = entry.load()
    return rules
