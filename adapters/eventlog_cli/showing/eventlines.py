"""Events as lines: of one conversation for `log`, of all for `tail`."""

import functools
import json
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Final

from eventlog import EventLogError
from eventlog.events import UsageRecorded
from eventlog.format.codec import encode_json
from eventlog.format.envelope import readable_time
from eventlog_cli.output import Output, plain
from eventlog_cli.showing.text import Text
from eventlog_cli.showing.times import exact_enough
from eventlog_cli.showing.words import GONE, actor, deed, describe_flat, line, named, read_of
from eventlog_projections.history.events import HistoryEvent

if TYPE_CHECKING:
    from eventlog import Event, RecordedEvent
    from eventlog.events import OpaqueEvent

STYLES: Final = {
    "popped": "yellow",
    "cleared": "red",
    "deleted": "red",
    "rewound": "yellow",
    "erased": "red",
}
LONGEST_RUN: Final = 1000
"""Events of a run that wait for its end, so that what it used is told once."""

CLOCK: Final = "10:04:00"
WHO: Final = 12
"""Columns at least for who did it; a wide terminal has more."""


class EventLines:
    """Prints events of one conversation, page by page."""

    def __init__(self, out: Output, *, is_short: bool, with_payload: bool) -> None:
        self._out = out
        self._is_short = is_short
        self._with_payload = with_payload
        self._day = ""
        self._clock = len(CLOCK)
        self.has_marks = False
        """Whether an item that was printed is no longer in the list."""

    def put(self, found: Sequence[HistoryEvent]) -> None:
        """Print events that follow each other."""
        clocks = exact_enough([each.recorded_at for each in found], self._out.zone)
        self._clock = max([self._clock, *map(len, clocks)])
        for event, clock in zip(found, clocks, strict=True):
            self._put(event, clock)

    def _put(self, event: HistoryEvent, at: str) -> None:
        out = self._out
        day = out.zone.seen(event.recorded_at, "%Y-%m-%d")
        who = actor(event.context, event.event)
        if not out.look.is_terminal:
            cells = (str(event.version), f"{day} {at}", line(event.kind), line(who))
            out.print(*("\t".join((*cells, said)) for said in self._piped(event)))
            return
        if day != self._day:
            out.print(Text.of((day, "dim")))
            self._day = day
        room = max(WHO, out.look.width // 8)
        head = Text.of(
            (f"{event.version:>5} ", "bold"),
            (f"{at:{self._clock}} ", "dim"),
            (f"{line(event.kind):8} ", STYLES.get(event.kind, "")),
            Text.of(who).cut(room),
            " " * max(0, room - Text.of(who).width),
            " ",
        )
        indent = head.width if out.look.width >= head.width + 24 else 4
        told = list(self._said(event))
        if indent < head.width:
            out.print(head.cut(out.look.width))
        for index, each in enumerate(told):
            begin = head if index == 0 and indent == head.width else Text.of(" " * indent)
            out.print(Text.of(begin, each.cut(max(1, out.look.width - begin.width))))
        if self._with_payload:
            self._put_payload(event, indent)

    def _piped(self, event: HistoryEvent) -> Iterator[str]:
        """Yield what stands behind the cells of an event in a pipe, a line each."""
        if self._with_payload and event.event is not None:
            yield line(_payload(event.event).decode())
            return
        for said in self._said(event):
            yield said.plain.strip()

    def _said(self, event: HistoryEvent) -> Iterator[Text]:
        if event.error is not None:
            yield Text.of(("! " + line(str(event.error)), "red"))
        elif not event.items:
            yield Text.of("  " + deed(event.event))
        elif self._is_short and len(event.items) > 1:
            who, text = describe_flat(event.items[-1].item)
            yield Text.of(f"  {who}: {text} (and {len(event.items) - 1} before)")
        else:
            for each in event.items:
                self.has_marks = self.has_marks or not each.is_listed
                yield _item(each.item, is_listed=each.is_listed)

    def _put_payload(self, event: HistoryEvent, indent: int) -> None:
        if event.event is None:
            return
        shown = json.dumps(json.loads(_payload(event.event)), indent=2, ensure_ascii=False)
        for each in shown.split("\n"):
            self._out.print(Text.of(" " * indent, (line(each), "dim")))


def _payload(event: "Event | OpaqueEvent") -> bytes:
    """Return what an event holds as JSON, which keeps text that is no Unicode as an escape."""
    return encode_json(plain(event))


def _item(item: object, *, is_listed: bool) -> Text:
    who, text = describe_flat(item)
    mark = "  " if is_listed else f"{GONE} "
    return Text.of((mark, "dim"), (f"{who}: {text}", "" if is_listed else "strike"))


class Folded:
    """Folds what was used into the run that it belongs to: one line where there were several."""

    def __init__(self) -> None:
        self._run: list[HistoryEvent] = []

    def take(self, event: HistoryEvent) -> Iterator[HistoryEvent]:
        """Yield the events of a run, in their order, once another one begins."""
        if self._run and self._run[-1].run_id != event.run_id:
            yield from self.end()
        if event.run_id is None or len(self._run) == LONGEST_RUN:
            yield from self.end()
        self._run.append(event)

    def end(self) -> Iterator[HistoryEvent]:
        """Yield what still waits: what was used as one entry, where the last of it was."""
        used = [event for event in self._run if isinstance(event.event, UsageRecorded)]
        folded = functools.reduce(_added, used) if used else None
        for event in self._run:
            if not isinstance(event.event, UsageRecorded):
                yield event
            elif folded is not None and event.version == folded.version:
                yield folded
        self._run = []


def _added(before: HistoryEvent, event: HistoryEvent) -> HistoryEvent:
    """Return an entry with what both used, at the version of the later one."""
    from msgspec.structs import replace

    one, other = before.event, event.event
    if not isinstance(one, UsageRecorded) or not isinstance(other, UsageRecorded):
        return event
    return event._replace(
        event=replace(
            other,
            requests=one.requests + other.requests,
            total_tokens=one.total_tokens + other.total_tokens,
        )
    )


def feed_lines(event: "RecordedEvent", out: Output) -> Iterator[Text]:
    """Yield an event of the feed: where, who did it, and a line for each item that it brought."""
    at = readable_time(event.stored.recorded_at)
    name, kind = named(event.stream, event.branch), line(event.kind)
    said, who = _fed(event), actor(*read_of(event))
    if not out.look.is_terminal:
        for each in said:
            cells = (out.zone.seen(at), name, str(event.version), kind, who, each.plain)
            yield Text.of("\t".join(cells))
        return
    when, style = out.zone.seen(at), STYLES.get(event.kind, "")
    rest = Text.of(f" {event.version} ", (kind, style))
    by = Text.of((f" by {who}", "dim"))
    room = out.look.width - Text.of(name).width - rest.width - 1
    if room < len(CLOCK):  # The name is what one types next: it is not cut.
        yield Text.of((name, "bold"))
        yield Text.of("  ", (when[-len(CLOCK) :], "dim"), rest, by).cut(out.look.width)
    else:
        shown = when if room >= len(when) else when[-len(CLOCK) :]
        fits = room - len(shown) >= by.width
        yield Text.of((f"{shown} ", "dim"), (name, "bold"), rest, by if fits else "")
        if not fits:
            yield Text.of("   ", by).cut(out.look.width)
    for each in said:
        yield Text.of("    ", each).cut(out.look.width)


def _fed(event: "RecordedEvent") -> list[Text]:
    try:
        found = None if event.is_erased else event.event
    except EventLogError as error:
        return [Text.of((line(str(error)), "red"))]
    items = getattr(found, "items", None)
    if items is None:
        return [Text.of(deed(found))]
    return [Text.of(f"{who}: {text}") for who, text in map(describe_flat, items)]
