"""What usage costs, by the prices that the package genai-prices knows, if it is installed."""

import functools
import importlib
from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from typing import Any

from eventlog_projections.views.used import Used

Price = Callable[[Used, str, "datetime | None"], Decimal]


def cost_of(used: Used, model: str | None, at: datetime | None = None) -> Decimal | None:
    """Return US dollars, at the prices of a moment or of now; None if the price is not known.

    That is so without a model, for a model that has no known price, and without the package.
    """
    price = _price() if model else None
    if price is None or model is None:
        return None
    try:
        return price(used, model, at)
    except (LookupError, ValueError):
        return None


@functools.cache
def _price() -> Price | None:
    """Import the prices, which takes a while, when the first one is asked for."""
    try:
        prices: Any = importlib.import_module("genai_prices")
    except ImportError:
        return None

    def price(used: Used, model: str, at: datetime | None) -> Decimal:
        usage = prices.Usage(
            input_tokens=used.input_tokens,
            cache_read_tokens=used.cached_input_tokens,
            cache_write_tokens=used.cache_write_tokens,
            output_tokens=used.output_tokens,
        )
        found = prices.calc_price(usage, model, genai_request_timestamp=at)
        total: Decimal = found.total_price
        return total

    return price
