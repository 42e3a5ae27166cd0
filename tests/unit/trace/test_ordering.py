from __future__ import annotations

import numpy as np
import pytest

from sim.trace.ordering import COMMIT, NO_ORDERING, VIEW, FaultRecord, Ordering, Penalties


@pytest.mark.parametrize("dtype", [VIEW, COMMIT])
def test_every_column_is_a_whole_number_of_64_bits(dtype: np.dtype[np.void]) -> None:
    assert dtype.names is not None
    assert {dtype[name] for name in dtype.names} == {np.dtype(np.int64)}
    assert dtype.itemsize == 8 * len(dtype.names)  # no gaps: the bytes are what is digested


def test_without_validators_nothing_is_kept() -> None:
    assert len(NO_ORDERING.views) == len(NO_ORDERING.commits) == len(NO_ORDERING.faults) == 0
    assert (NO_ORDERING.views.dtype, NO_ORDERING.commits.dtype) == (VIEW, COMMIT)
    assert not NO_ORDERING.is_observed
    assert (NO_ORDERING.n_byzantine, NO_ORDERING.n_validators) == (0, 0)
    assert NO_ORDERING.penalties == Penalties()
    assert set(Penalties()) == {0}


def test_a_record_of_ordering_holds_a_fault_as_it_happened() -> None:
    fault = FaultRecord("crash", (1, 2), 5, -1, is_byzantine=False)
    ordering = Ordering(NO_ORDERING.views, NO_ORDERING.commits, (fault,), True, 0, 4)
    assert ordering.faults[0]._asdict() == {
        "name": "crash",
        "validators": (1, 2),
        "from_us": 5,
        "until_us": -1,
        "is_byzantine": False,
    }
    assert ordering.penalties == Penalties()
