"""Many writers, many nodes, one sequencer: where the first queue forms, by simulation.

No database: `python -m benchmarks.fleet`. Costs are those that were measured on one machine
(`make bench ONLY=sequencing`, `ONLY=throughput`); times are exponential, but for the network. What
comes out is the same for the same seed.

Every writer appends, waits for the answer, thinks, and appends again. An append goes to the node of
its conversation and waits there for a free processor. Committed events wait for the sequencer, for
which no append waits: it takes what is there, up to a batch, and gives it positions.
"""

import argparse
import bisect
import heapq
import random
import statistics
from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

SMALLEST_BATCH: Final = 2_000
LARGEST_BATCH: Final = 64_000
WRITERS: Final = 1_000
THINK: Final = 0.01
SECONDS: Final = 4.0
NODES: Final = (1, 2, 4, 8, 16, 32)

BUSY: Final = 0.8
"""From this share of its time on, whoever is asked makes others wait."""


class Costs(NamedTuple):
    """What things take, in seconds."""

    append: float
    """A processor of a node, for one append."""
    processors: int
    """How many a node has."""
    network: float
    """There and back."""
    batch: float
    """The sequencer, for a batch of nothing."""
    place: float
    """The sequencer, for each event of a batch."""
    takeover: float
    """Until another process goes on where the one with the lease was killed."""


MEASURED: Final = Costs(
    append=2 / 6_900,
    processors=2,
    network=0.0005,
    batch=0.012,
    place=1 / 39_000,
    takeover=0.88,
)
"""One PostgreSQL beside its clients on two processors: a node that has its own does better."""


class Fleet(NamedTuple):
    """Who is there, and for how long they are watched."""

    writers: int
    nodes: int
    think: float
    """Mean seconds between an answer and the next append."""
    seconds: float
    killed_at: float | None = None
    """When the process with the lease is killed."""


class Figures(NamedTuple):
    """What was seen of a fleet, from a tenth of its time on."""

    appends: float
    """A second."""
    busy: float
    """The share of their time for which processors of nodes work."""
    response: float
    """Mean seconds of an append, without the network."""
    slow: float
    """Seconds below which 99 of 100 appends stay."""
    waiting: float
    """Mean number of appends at all nodes, waiting or worked on."""
    placing: float
    """Events a second, as a share of what the sequencer places in its largest batches."""
    behind: float
    """Seconds from a commit to the position, below which 99 of 100 events stay."""
    left: int
    """Events without a position at the end."""

    @property
    def first_queue(self) -> str:
        """Tell who is asked most, if that makes others wait."""
        share, who = max((self.placing, "the sequencer"), (self.busy, "nodes"))
        return who if share >= BUSY else "none"


class Append(NamedTuple):
    """When an append came to its node, was begun and was committed."""

    came: float
    begun: float
    done: float


def simulate(fleet: Fleet, costs: Costs = MEASURED, seed: int = 1) -> Figures:
    """Run a fleet and return what was seen."""
    appends = list(_appends(fleet, costs, random.Random(seed)))
    from_, until = fleet.seconds / 10, fleet.seconds
    seen = [each for each in appends if from_ <= each.came and each.done <= until]
    watched = until - from_
    worked = sum(each.done - each.begun for each in appends if from_ <= each.begun <= until)
    there = sum(each.done - each.came for each in seen)
    responses = sorted(each.done - each.came for each in seen)
    delays, left = _place(sorted(each.done for each in appends), fleet, costs)
    return Figures(
        len(seen) / watched,
        worked / (watched * fleet.nodes * costs.processors),
        statistics.fmean(responses),
        _percentile(responses, 99),
        there / watched,
        len(seen) / watched * (costs.place + costs.batch / LARGEST_BATCH),
        _percentile(delays, 99),
        left,
    )


def _appends(fleet: Fleet, costs: Costs, chosen: random.Random) -> Iterator[Append]:
    """Yield appends in the order in which they came to their nodes."""
    free = [[0.0] * costs.processors for _ in range(fleet.nodes)]
    coming = [chosen.expovariate(1 / fleet.think) for _ in range(fleet.writers)]
    heapq.heapify(coming)
    while coming[0] < fleet.seconds:
        came = coming[0]
        node = free[chosen.randrange(fleet.nodes)]
        begun = max(came, node[0])
        done = begun + chosen.expovariate(1 / costs.append)
        heapq.heapreplace(node, done)
        yield Append(came, begun, done)
        thought = chosen.expovariate(1 / fleet.think)
        heapq.heapreplace(coming, done + costs.network + thought)


def _place(commits: Sequence[float], fleet: Fleet, costs: Costs) -> tuple[list[float], int]:
    """Return how long events waited for a position, and how many have none at the end."""
    delays: list[float] = []
    placed, limit, free = 0, SMALLEST_BATCH, 0.0
    while placed < len(commits):
        begun = max(free, commits[placed])
        if fleet.killed_at is not None and begun >= fleet.killed_at:
            begun = max(begun, fleet.killed_at + costs.takeover)
        if begun >= fleet.seconds:
            break
        batch = min(bisect.bisect_right(commits, begun, placed) - placed, limit)
        free = begun + costs.batch + costs.place * batch
        delays += [free - commit for commit in commits[placed : placed + batch]]
        placed += batch
        limit = min(2 * limit, LARGEST_BATCH) if batch == limit else SMALLEST_BATCH
    left = bisect.bisect_right(commits, fleet.seconds) - placed
    return delays, max(left, 0)


def _percentile(values: Sequence[float], percent: int) -> float:
    every = sorted(values)
    return every[min(len(every) - 1, len(every) * percent // 100)]


HEAD: Final = (
    "nodes",
    "appends a second",
    "nodes busy",
    "append, mean",
    "append, 99 of 100",
    "sequencer busy",
    "position after, 99 of 100",
    "first queue",
)


def table(writers: int, think: float, seconds: float, nodes: Sequence[int], seed: int) -> str:
    """Return a table in Markdown, a row for each number of nodes."""
    rows = [f"| {' | '.join(HEAD)} |", "|---" * len(HEAD) + "|"]
    for number in nodes:
        found = simulate(Fleet(writers, number, think, seconds), seed=seed)
        position = f"{found.behind * 1000:,.0f} ms" if found.placing < 1 else "ever later"
        cells = (
            f"{number}",
            f"{found.appends:,.0f}",
            f"{found.busy:.0%}",
            f"{found.response * 1000:.1f} ms",
            f"{found.slow * 1000:.1f} ms",
            f"{found.placing:.0%}",
            position,
            found.first_queue,
        )
        rows.append(f"| {' | '.join(cells)} |")
    return "\n".join(rows)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(prog="benchmarks.fleet", description=__doc__)
    parser.add_argument("--writers", type=int, default=WRITERS)
    parser.add_argument("--think", type=float, default=THINK, help="mean seconds between appends")
    parser.add_argument("--seconds", type=float, default=SECONDS)
    parser.add_argument("--nodes", type=int, nargs="+", default=NODES)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    print(table(given.writers, given.think, given.seconds, given.nodes, given.seed))


if __name__ == "__main__":
    main()
