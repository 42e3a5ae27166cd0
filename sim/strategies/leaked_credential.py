"""An outsider who acts with an agent's stolen key until the key is replaced, and after."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sim.core.purposes import Purpose
from sim.core.records import Goal, Records
from sim.strategies.base import Observation, create_work, get_goal_operations, set_extra_act

if TYPE_CHECKING:
    from sim.core.draws import Draws


@dataclass(frozen=True, slots=True)
class LeakedCredential:
    """Signs with the victim's key from the leak on; sometimes sends an old transaction again.

    Once the victim's org has noticed and rotated the key, every act is a forgery.
    Source: confused deputy and credential theft, `Purpose.LEAK`; rates are assumptions.
    """

    goals: tuple[str, ...]  # operations it is after
    victim: str  # name of the group whose agents' keys leak, one for each outsider
    leak_us: int = 10_000_000  # time of the leak
    act_every_us: int = 10_000_000  # mean time between two acts
    resend_ppm: int = 100_000  # share of acts that send a captured transaction again

    def act(self, seen: Observation, draws: Draws) -> Records:
        """One goal for each row."""
        intents = create_work(seen)
        everyone = seen.agent >= 0
        choice = draws.get_below(Purpose.GOAL_OPERATION, seen.entity, seen.task, len(self.goals))
        operation = get_goal_operations(seen, everyone, choice)
        set_extra_act(intents, seen, everyone, operation, Goal.ATTACK)
        resending = draws.get_ppm(Purpose.FORGE, seen.entity, seen.task) < self.resend_ppm
        intents["resent"] = resending
        return intents
