"""Cache: a memory with a bound. Counters: sums over all that ever counted."""

import gc

from eventlog.cache import Cache
from eventlog.counters import counters_of, totals


def test_the_entry_that_was_used_least_lately_is_evicted_first() -> None:
    """Reading is using."""
    cache: Cache[str, int] = Cache(2)
    cache.put("a", 1)
    cache.put("b", 2)
    assert cache.get("a") == 1
    cache.put("c", 3)
    assert [cache.get(key) for key in "abc"] == [1, None, 3]


def test_the_sum_of_sizes_stays_within_the_limit() -> None:
    """As many are evicted as the new one takes."""
    cache: Cache[int, str] = Cache(100)
    for key in range(10):
        cache.put(key, "", 10)
    cache.put(10, "", 45)
    assert cache.size == 95
    assert [key for key in range(11) if cache.get(key) is not None] == [5, 6, 7, 8, 9, 10]


def test_a_value_that_is_too_large_is_not_kept() -> None:
    """Nor is the one that it would have replaced."""
    cache: Cache[str, int] = Cache(10)
    cache.put("a", 1, 10)
    cache.put("a", 2, 11)
    assert cache.get("a") is None
    assert cache.size == 0


def test_putting_again_and_evicting_count_the_size_once() -> None:
    """What is not there can be evicted, too."""
    cache: Cache[str, int] = Cache(10)
    cache.put("a", 1, 4)
    cache.put("a", 2, 6)
    assert (cache.get("a"), cache.size) == (2, 6)
    cache.evict("a")
    cache.evict("a")
    assert (cache.get("a"), cache.size) == (None, 0)


class Owner:
    pass


def test_totals_include_what_was_counted_by_owners_that_are_gone() -> None:
    """Nothing is counted twice."""
    before = totals().cache_hits
    owner = Owner()
    counters_of(owner).cache_hits += 3
    assert totals().cache_hits == before + 3
    del owner
    gc.collect()
    assert totals().cache_hits == before + 3
