"""What OpenTelemetry is told: with the SDK of OpenTelemetry itself, and without anybody to look."""

import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from opentelemetry import metrics, trace
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from eventlog import ConflictError, ItemsAdded, telemetry
from eventlog.errors import InvalidItemError
from eventlog_projections import Conversation
from eventlog_projections.views import BUILT_IN, Views
from tests.backends import Backend

ROOT = Path(__file__).parents[3]
SECRET = "rosebud"


class Seen:
    """What a program that looks gets to see."""

    def __init__(self) -> None:
        self._exporter = InMemorySpanExporter()
        self._reader = InMemoryMetricReader()
        self.tracers = TracerProvider()
        self.tracers.add_span_processor(SimpleSpanProcessor(self._exporter))
        self.meters = MeterProvider(metric_readers=[self._reader])

    def spans(self, name: str) -> list[dict[str, Any]]:
        return [
            dict(span.attributes or {})
            for span in self._exporter.get_finished_spans()
            if span.name == name
        ]

    def points(self, name: str) -> list[Any]:
        found = self._reader.get_metrics_data()
        return [
            point
            for resource in (found.resource_metrics if found else ())
            for scope in resource.scope_metrics
            for metric in scope.metrics
            if metric.name == name
            for point in metric.data.data_points
        ]

    def everything(self) -> str:
        spans = [span.to_json() for span in self._exporter.get_finished_spans()]
        found = self._reader.get_metrics_data()
        return "".join([*spans, "" if found is None else found.to_json()])


@pytest.fixture
def seen(monkeypatch: pytest.MonkeyPatch) -> Iterator[Seen]:
    """A program's providers: its own for each test, though a process sets them only once."""
    providers = Seen()
    monkeypatch.setattr(trace, "get_tracer_provider", lambda: providers.tracers)
    monkeypatch.setattr(metrics, "get_meter", providers.meters.get_meter)
    telemetry._instruments.cache_clear()
    yield providers
    telemetry._instruments.cache_clear()
    providers.meters.shutdown()


async def test_appends_reads_and_views_are_spans(seen: Seen, backend: Backend) -> None:
    """Each has a span, which says of which conversation or views it is, and how large."""
    async with backend.open() as log:
        await log.append("c1", [ItemsAdded(["a"]), ItemsAdded(["b"])], branch="side")
        await Conversation(log, "c1", "side").items()
        await Views(log).catch_up("turns")
    of = {"gen_ai.conversation.id": "c1", "eventlog.branch": "side"}
    assert seen.spans("eventlog.append") == [{**of, "eventlog.batch.size": 2}]
    assert seen.spans("eventlog.read") == [of]
    assert seen.spans("eventlog.project") == [
        {"eventlog.views": ("turns",), "eventlog.batch.size": 2, "eventlog.stage": stage}
        for stage in ("fold", "store")
    ]


async def test_conflicts_sizes_hits_and_lag_are_measured(
    seen: Seen, backend: Backend, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Metrics count what happened, by view and by cache; they name no conversation."""
    async with backend.open() as log:
        chat = Conversation(log, "c1")
        await chat.items()  # The process counts from its beginning; the metric begins here.
        before = {hit["eventlog.cache"]: count for hit, count in _hits(seen)}
        await log.append("c1", [ItemsAdded(["a"]), ItemsAdded(["b"]), ItemsAdded(["c"])])
        with pytest.raises(ConflictError):
            await log.append("c1", ItemsAdded(["late"]), expected_version=1)
        for _ in range(3):
            await chat.items()
        views = Views(log)
        monkeypatch.setattr(type(log.spi.views.tables), "batch", 2)
        await views.catch_up("turns")
    ((conflicts,), (appends,)) = (
        seen.points(f"eventlog.append.{name}") for name in ("conflicts", "batch.size")
    )
    assert (conflicts.value, appends.count, appends.sum) == (1, 2, 4)
    ((batches,), (lag,)) = (seen.points(f"eventlog.view.{name}") for name in ("batch.size", "lag"))
    assert (batches.count, batches.sum, batches.max, lag.value) == (2, 3, 2, 0)
    assert batches.attributes == lag.attributes == {"eventlog.view": "turns"}
    after = {hit["eventlog.cache"]: count for hit, count in _hits(seen)}
    assert after["memory"] - before.get("memory", 0) == 2
    assert "c1" not in str([point.attributes for point in (conflicts, appends, batches, lag)])


async def test_what_items_hold_is_in_no_span_and_no_metric(seen: Seen, backend: Backend) -> None:
    """Nor are the reasons and names that people give, or what a refused item held."""
    async with backend.open() as log:
        chat = Conversation(log, "c1")
        await chat.add([{"role": "user", "content": SECRET}])
        with pytest.raises(InvalidItemError):
            await chat.add([{"role": "user", "content": {SECRET}}])
        await chat.items()
        await chat.pop(reason=SECRET)
        await Views(log, BUILT_IN).catch_up()
    told = seen.everything()
    assert "eventlog.project" in told
    assert SECRET not in told


def test_nothing_is_looked_up_where_nobody_looks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without OpenTelemetry in the process, and without a provider, there is one idle object."""
    telemetry._instruments.cache_clear()
    for name in ("opentelemetry.trace", "opentelemetry.metrics"):
        monkeypatch.delitem(sys.modules, name)
    idle = telemetry.reading("c1", "")
    assert idle is telemetry.appending("c1", "", 1) is telemetry.projecting(["turns"], 1, "fold")
    telemetry.conflicted()
    telemetry.projected("turns", 1, 0)
    assert telemetry._instruments.cache_info().currsize == 0
    monkeypatch.undo()
    assert telemetry.reading("c1", "") is idle


def test_every_name_is_in_the_document() -> None:
    """docs/telemetry.md names every span, metric and attribute, and no other."""
    name = r"(?:eventlog|gen_ai)\.[a-z._]+"
    source = (ROOT / "eventlog" / "telemetry.py").read_text("utf-8")
    document = (ROOT / "docs" / "telemetry.md").read_text("utf-8")
    names = set(re.findall(f'"({name})"', source))
    assert len(names) > 10
    assert names == set(re.findall(f"`({name})`", document))


def _hits(seen: Seen) -> list[tuple[dict[str, str], int]]:
    return [
        (point.attributes, point.value)
        for point in seen.points("eventlog.cache.lookups")
        if point.attributes["eventlog.cache.result"] == "hit"
    ]
