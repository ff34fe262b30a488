"""The simulated fleet obeys what is known of queues, and is the same for the same seed."""

import math
from typing import Final

import pytest

from benchmarks.fleet import MEASURED, Costs, Fleet, simulate

COSTS: Final = Costs(
    append=0.001, processors=1, network=0.0, batch=0.0001, place=0.00001, takeover=1.0
)


def finite_source(writers: int, think: float, service: float) -> float:
    """Return the throughput of M/M/1 with so many customers (the machine repair model)."""
    load = service / think
    weights = [math.perm(writers, waiting) * load**waiting for waiting in range(writers + 1)]
    return (1 - 1 / sum(weights)) / service


@pytest.mark.parametrize("think", [0.1, 0.02, 0.005])
def test_a_node_serves_as_many_as_the_machine_repair_model_says(think: float) -> None:
    """Idle, busy and overrun."""
    found = simulate(Fleet(writers=20, nodes=1, think=think, seconds=60.0), COSTS)
    expected = finite_source(20, think, COSTS.append)
    assert found.appends == pytest.approx(expected, rel=0.03)
    assert found.busy == pytest.approx(expected * COSTS.append, rel=0.03)


def test_response_is_that_of_m_m_1_where_writers_are_many() -> None:
    """Mean 1 / (service rate - arrival rate), at 60 % load."""
    found = simulate(Fleet(writers=3_000, nodes=1, think=5.0, seconds=120.0), COSTS)
    assert found.response == pytest.approx(1 / (1000 - found.appends), rel=0.1)


@pytest.mark.parametrize("nodes", [1, 3])
def test_little_s_law_holds(nodes: int) -> None:
    """Appends that are there are appends a second times how long each takes."""
    found = simulate(Fleet(writers=50, nodes=nodes, think=0.02, seconds=20.0), MEASURED)
    assert found.waiting == pytest.approx(found.appends * found.response, rel=0.001)


def test_the_first_queue_moves_from_the_nodes_to_the_sequencer() -> None:
    """With more nodes for the same writers."""
    first = [
        simulate(Fleet(writers=200, nodes=nodes, think=0.001, seconds=2.0), COSTS).first_queue
        for nodes in (1, 400)
    ]
    assert first == ["nodes", "the sequencer"]


def test_a_killed_sequencer_delays_positions_and_no_append() -> None:
    """Until another takes over; what waits is placed then."""
    fleet = Fleet(writers=100, nodes=4, think=0.1, seconds=10.0)
    calm, killed = (simulate(each, COSTS) for each in (fleet, fleet._replace(killed_at=5.0)))
    assert killed[:5] == calm[:5]
    assert calm.behind < 0.01 < 0.5 < killed.behind <= COSTS.takeover + 0.1
    assert killed.left <= calm.left + 10


def test_a_seed_gives_the_same_figures() -> None:
    """And another one others."""
    fleet = Fleet(writers=50, nodes=2, think=0.01, seconds=1.0)
    assert simulate(fleet, seed=7) == simulate(fleet, seed=7) != simulate(fleet, seed=8)
