"""First-come-first-served queues with several servers, computed without events.

A queue that every call passes would cost an event for each; its departures follow from the
arrivals alone, so they are computed in one compiled loop. A test holds it against a SimPy
resource, call by call.
"""

from __future__ import annotations

from sim.core.compiled import njit
from sim.core.records import Ints


@njit
def serve(
    queue: Ints, arrival_us: Ints, service_us: Ints, free_us: Ints, departure_us: Ints
) -> None:
    """Departures of customers that arrive in order, each at one of several queues.

    Shapes: queue, arrival_us, service_us int64 (n,), arrivals not decreasing; free_us int64
            (n_queues, n_servers), when each server is free next, updated; departure_us
            int64 (n,), filled. A queue index below 0 passes through without waiting.
    Source: Kiefer and Wolfowitz 1955, On the theory of queues with many servers.
    """
    for row in range(arrival_us.shape[0]):
        if queue[row] < 0:
            departure_us[row] = arrival_us[row]
            continue
        servers = free_us[queue[row]]
        first = 0
        for server in range(1, servers.shape[0]):
            if servers[server] < servers[first]:
                first = server
        start_us = max(arrival_us[row], servers[first])
        servers[first] = start_us + service_us[row]
        departure_us[row] = servers[first]
