"""What usage costs, by the prices that the package genai-prices knows, if it is installed.

Rule: a price is that of one call, at its time and of its size, for a long context may be dearer.
What calls cost is the sum of their costs, never the price of the sum of their tokens.
"""

import functools
import importlib
from collections.abc import Iterable
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, NamedTuple, cast

from eventlog.events import UsageRecorded
from eventlog_projections.views.used import Used


class Call(NamedTuple):
    """What a model (None: not known) was called for, at a time (None: now)."""

    used: Used | UsageRecorded
    model: str | None
    at: datetime | None


class Cost(NamedTuple):
    """US dollars of what has a price, and how many requests have none."""

    total: Decimal
    unpriced: int

    @property
    def known(self) -> Decimal | None:
        """US dollars as far as they are known; None where nothing is, which is not 0."""
        return None if self.unpriced and not self.total else self.total


class _Tokens(NamedTuple):
    """Tokens that have a price; what was cached is part of the input."""

    input: int
    cached: int
    written: int
    output: int

    @property
    def are_plausible(self) -> bool:
        return self.cached + self.written <= self.input

    def plus(self, more: "_Tokens") -> "_Tokens":
        return _Tokens(*(a + b for a, b in zip(self, more, strict=True)))


class _Sum(NamedTuple):
    rates: Any
    tokens: _Tokens


def has_price(model: str | None) -> bool:
    """Tell whether a price of a model is known; what it was at some time may not be."""
    return bool(model) and _model(model) is not None


def costs_of(calls: Iterable[Call]) -> Cost:
    """Return what calls cost together.

    One is unpriced without a model, for a model that has no known price, and without the package.
    """
    total, unpriced = Decimal(0), 0
    sums: dict[int, _Sum] = {}
    for used, model, at in calls:
        rates = _rates(model, at) if model else None
        tokens = _tokens(used)
        if rates is None or not tokens.are_plausible:
            unpriced += used.requests
        elif _depend_on_size(rates):
            total += _price(tokens, rates)
        else:  # Added up first, which comes to the same and takes far less.
            before = sums.get(id(rates))
            sums[id(rates)] = _Sum(rates, tokens if before is None else before.tokens.plus(tokens))
    return Cost(sum((_price(each.tokens, each.rates) for each in sums.values()), total), unpriced)


def _tokens(used: Used | UsageRecorded) -> _Tokens:
    return _Tokens(
        used.input_tokens, used.cached_input_tokens, used.cache_write_tokens, used.output_tokens
    )


def _price(tokens: _Tokens, rates: Any) -> Decimal:
    found = rates.calc_price(
        _package().Usage(
            input_tokens=tokens.input,
            cache_read_tokens=tokens.cached,
            cache_write_tokens=tokens.written,
            output_tokens=tokens.output,
        )
    )
    total: Decimal = found["total_price"]
    return total


def _depend_on_size(rates: Any) -> bool:
    """Return whether each token of a longer context has another price."""
    given = cast("dict[str, object]", rates.__dict__)
    return any(hasattr(rate, "tiers") for rate in given.values())


def _rates(model: str, at: datetime | None) -> Any:
    """Return the prices of a model at a time; None if none is known."""
    found = _model(model)
    return None if found is None else found.get_prices(at or datetime.now(UTC))


@functools.lru_cache(1024)
def _model(name: str) -> Any:
    """Return what the package knows of a model; None if it knows no price, or is not installed."""
    package = _package()
    if package is None:
        return None
    try:
        return package.calc_price(package.Usage(input_tokens=0, output_tokens=0), name).model
    except (LookupError, ValueError):
        return None


@functools.cache
def _package() -> Any:
    """Import the prices, which takes a while, when the first one is asked for."""
    try:
        return importlib.import_module("genai_prices")
    except ImportError:
        return None
