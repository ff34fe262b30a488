# ruff: noqa: RUF001 - letters that look like others are what is tested
"""Search says the same on every database, in every locale: what is found, and in which order."""

import asyncio
import time
import uuid
from collections.abc import Sequence
from typing import Any, Final

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from eventlog import EventLog, InvalidInputError
from eventlog_projections import Conversation
from eventlog_projections.views import Views, search
from eventlog_projections.views.searching.asked import asked, phrases_of
from eventlog_projections.views.searching.words import spaced_words, words_of
from tests.backends import EVERY_LOCALE, Backend
from tests.contract.views.asked import small_batches
from tests.waiting import LONG

pytestmark = EVERY_LOCALE

FOUND: Final[Sequence[tuple[str, str]]] = [
    ("see README.md", "README"),
    ("see README.md", "readme.md"),
    ("see README.md", "md"),
    ("cat /etc/passwd", "passwd"),
    ("cat /etc/passwd", "etc/passwd"),
    ("cat /etc/passwd", "/etc/pass*"),
    (r"C:\Users\Ana\Notes.txt", "notes"),
    ("https://shop.example/orders/1042?by=ana#top", "orders"),
    ("https://shop.example/orders/1042?by=ana#top", "shop.example"),
    ("https://shop.example/orders/1042?by=ana#top", "https://shop.example/orders/1042"),
    ("https://shop.example/orders/1042?by=ana#top", "1042"),
    ("write to ada.lovelace@example.org", "ada"),
    ("write to ada.lovelace@example.org", "ada.lovelace@example.org"),
    ("write to ada.lovelace@example.org", "example.org"),
    ("COVID-19 again", "19"),
    ("COVID-19 again", "covid"),
    ("COVID-19 again", "covid-19"),
    ("COVID-19 again", "covid_19"),
    ("state-of-the-art", '"state of the art"'),
    ("call get_weather now", "weather"),
    ("call get_weather now", "get_weather"),
    ("call getWeather now", "getweather"),
    ("call getWeather now", "getW*"),
    ("on GitHub", "github"),
    ("un café noir", "cafe"),
    ("un cafe noir", "CAFÉ"),
    ("un cafe\u0301 noir", "café"),
    ("cafetière", "café*"),
    ("cafetière", "cafe\u0301*"),
    ("lange Straße", "strasse"),
    ("LANGE STRASSE", "straße"),
    ("Diyarbakır, İstanbul, ISPARTA", "istanbul"),
    ("Diyarbakır, İstanbul, ISPARTA", "diyarbakir"),
    ("Diyarbakır, İstanbul, ISPARTA", "ısparta"),
    ("Ærø, Łódź, Đà Nẵng", "aero lodz da nang"),
    ("ΟΔΥΣΣΕΥΣ", "οδυσσευς"),
    ("ЁЛКА", "елка"),
    ("ﬁne ｆｕｌｌ ½ № 5", "fine full no"),
    ("co\u00adoperate", "cooperate"),
    ("مُحَمَّد", "محمد"),
    ("שָׁלוֹם", "שלום"),
    ("हिन्दी में", "हिन्दी"),
    ("東京タワーに行く", "東京"),
    ("東京タワーに行く", "京"),
    ("東京タワーに行く", "タワー"),
    ("東京タワーに行く", "行く"),
    ("東京タワーに行く", "く"),
    ("東京タワーに行く", "東京タワーに行く"),
    ("ﾀﾜｰ ｶﾞﾗｽ", "ガラス"),
    ("ガラス", "ｶﾞﾗｽ"),
    ("我在北京工作。", "北京"),
    ("我在北京工作。", "在北京工"),
    ("Python入門2020版", "入門"),
    ("Python入門2020版", "python 2020"),
    ("Python入門2020版", "入門2020版"),
    ("학교에서 공부한다", "학교"),
    ("학교에서 공부한다", "공부"),
    ("ฉันชอบประเทศไทย", "ประเทศ"),
    ("ฉันชอบประเทศไทย", "ไทย"),
    ("ប្រទេសកម្ពុជា", "កម្ពុជា"),
    ("done 🎉👍🏽", "🎉"),
    ("done 🎉👍🏽", "👍"),
    ("I ❤️ it", "❤"),
    ("don't", "don’t"),
    ("version 10.5", "10.5"),
    ("the party parted", "par*"),
    ("the party parted", '"the par"*'),
    ("the party parted", "the par* parted"),
    ("x" * 900, "x" * 900),
    ("x" * 5_000 + "y", "x" * 200 + "*"),
]

NOT_FOUND: Final[Sequence[tuple[str, str]]] = [
    ("on GitHub", "hub"),
    ("the party", "part"),
    ("the party", "art*"),
    ("the party", '"party the"'),
    ("rain in spain", '"rain spain"'),
    ("rain in spain", '"rain spa"*'),
    ("COVID-19", "covid-20"),
    ("COVID 20 and 19", "covid-19"),
    ("カラス", "ガラス"),
    ("京東", "東京"),
    ("東へ京", "東京"),
    ("東京", "東京都"),
    ("ประเทศไทย", "ประเทศลาว"),
    ("done 🎉", "👍"),
    ("rain", "rainy"),
]


@pytest.mark.parametrize("cases", [FOUND, NOT_FOUND], ids=["found", "not found"])
async def test_what_is_found_is_the_same_on_every_database(
    log: EventLog, cases: Sequence[tuple[str, str]]
) -> None:
    """Paths, addresses, accents, cases of any locale, every script, beginnings and phrases."""
    for number, (text, _) in enumerate(cases):
        await Conversation(log, f"{number}").add([{"role": "user", "content": text}])
    views = Views(log)
    await views.catch_up()
    for number, (text, query) in enumerate(cases):
        found = await search(views, query, conversation=f"{number}", stale=True)
        assert [row.text for row in found] == ([text] if cases is FOUND else []), (text, query)


def matches(text: str, query: str) -> bool:
    """Tell, as naively as can be, whether a text has all phrases of a query."""
    there = words_of(text)
    for phrase in map(asked, phrases_of(query)):
        size = len(phrase.words)
        windows = [there[n : n + size] for n in range(len(there) - size + 1)]
        *first, last = phrase.words
        if phrase.begins:
            hits = [w for w in windows if w[:-1] == first and w[-1].startswith(last)]
        else:
            hits = [w for w in windows if w == [*first, last]]
        if not hits:
            return False
    return True


def goodness(text: str, query: str) -> int:
    """Return what docs/search.md says."""
    stored, total = spaced_words(text), 0
    size = len(stored.encode())
    for phrase in map(asked, phrases_of(query)):
        times = stored.count(phrase.spaced)
        total += 2_200_000_000 // (1_000_000 + (300_000 + 1_500 * size) // times)
    return total


LETTERS: Any = st.one_of(
    st.sampled_from("aAbB1_-./@ \"*'ßıİée\u0301東京タ한ไท\u0e35🎉ﬁ½\u00ad\u3099ｶﾞ\0\ud800"),
    st.characters(),
)
TEXTS: Any = st.text(LETTERS, max_size=12)
WORDS: Any = st.sampled_from(
    ["a", "ab", "A-b", "東京", "京都へ", "a_b.c", "é", "ไทย", "b*", '"a b"']
)
MIXED: Any = st.one_of(TEXTS, st.lists(WORDS, max_size=9).map(" ".join))


def plain_text(text: str) -> str:
    """Return the text without NUL and lone surrogates, which no query may have."""
    return text.encode("utf-8", "ignore").decode().replace("\0", "")


@settings(
    max_examples=400 if LONG else 40,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
    deadline=None,
)
@given(
    texts=st.lists(MIXED, min_size=1, max_size=8),
    queries=st.lists(MIXED.map(plain_text)),
    data=st.data(),
)
def test_any_query_finds_what_a_naive_search_finds_in_the_same_order(
    backend: Backend, texts: list[str], queries: list[str], data: st.DataObject
) -> None:
    """Of any texts and queries; also of parts of these texts."""
    plain = [plain_text(text) for text in texts]
    for text in plain:
        start = data.draw(st.integers(0, len(text)))
        queries.append(text[start : data.draw(st.integers(start, len(text)))])

    async def found() -> list[list[int]]:
        async with backend.open(tenant=uuid.uuid4().hex, durability="normal") as log:
            await Conversation(log, "chat").add(
                [{"role": "user", "content": f"{text}"} for text in texts]
            )
            views = Views(log)
            await views.catch_up("search")
            return [[row.item for row in await search(views, q, stale=True)] for q in queries]

    for query, items in zip(queries, asyncio.run(found()), strict=True):
        hits = [n for n, text in enumerate(texts) if phrases_of(query) and matches(text, query)]
        # Of one event: what is as good as another comes in the order of the list.
        hits.sort(key=lambda n: (-goodness(texts[n], query), n))
        assert items == hits, (texts, query)


async def test_a_phrase_is_found_wherever_it_stands_and_however_often_its_words_do(
    log: EventLog,
) -> None:
    """PostgreSQL keeps 256 places of a word, and none beyond the 16,383rd."""
    often = " ".join(["the dog"] * 300) + " the cat sat"
    late = " ".join(str(number) for number in range(16_000)) + " rain in spain"
    chat = Conversation(log, "chat")
    await chat.add([{"role": "user", "content": text} for text in (often, late)])
    views = Views(log)
    for query, expected in (('"the cat"', often), ('"rain in spain"', late), ('"the rain"', None)):
        assert [row.text for row in await search(views, query)] == [expected] * bool(expected)


async def test_an_item_of_ten_megabytes_is_searched_at_once(log: EventLog) -> None:
    """Its first 100,000 characters, also of scripts in which each letter begins a word."""
    chat = Conversation(log, "chat")
    letters = "".join(chr(0x20000 + number % 40_000) for number in range(300_000))
    contents = ["marker " + "z" * 10_000_000, "marker " + letters, "ﷺ" * 100_000, "marker " * 10**6]
    for content in contents:
        await chat.add([{"role": "user", "content": content}])
    await chat.add([{"type": "unknown", "lines": ["marker"] * 1_000_000}])
    views = Views(log)
    started = time.monotonic()
    assert len(await search(views, "marker")) == 4
    assert len(await search(views, letters[1_000:1_200])) == 1
    assert time.monotonic() - started < 60
    assert (await views.status())[0].set_aside == ()


async def test_the_longest_query_is_answered_and_a_longer_one_is_refused(log: EventLog) -> None:
    """64 words and phrases, 1,000 bytes each: the same error on both databases beyond."""
    text = " ".join(f"w{number}" for number in range(64))
    long = " ".join("abcdefghijklmnopqrstuvwxyz"[n % 26] for n in range(70))
    every = " ".join(f"{number:x}" for number in range(2_200))
    pages = [every[start : start + 990] for start in range(0, 9_000, 990)]
    content = " ".join([text, long, "東京", *pages])
    await Conversation(log, "chat").add([{"role": "user", "content": content}])
    views = Views(log)
    assert len(await search(views, text)) == 1
    assert len(await search(views, " ".join([f'"{long}"'] * 64))) == 1
    assert len(await search(views, " ".join(f'"{page}"' for page in pages))) == 1
    assert await search(views, "東" * 300) == []
    for bad in ("w " * 65, "x" * 1_001, "x " * 5_001, "a\0b", "\ud800"):
        with pytest.raises(InvalidInputError):
            await search(views, bad)


async def test_small_batches_and_a_view_made_anew_find_the_same(
    log: EventLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And `check` says that nothing differs."""
    small_batches(monkeypatch, 2)
    for number in range(7):
        await Conversation(log, f"{number}").add([{"role": "user", "content": f"Tōkyō {number}"}])
    views = Views(log)
    before = await search(views, "tokyo")
    assert len(before) == 7
    await views.rebuild("search")
    assert await search(views, "tokyo") == before
    assert await views.check("search") == []


async def test_the_best_come_first_and_of_equals_the_newest(log: EventLog) -> None:
    """Often before once, short before long, new before old."""
    chat = Conversation(log, "chat")
    for content in ("rain old", "rain new", "rain rain rain", "rain " + "and so on " * 50):
        await chat.add([{"role": "user", "content": content}])
    found = [row.text for row in await search(Views(log), "rain")]
    assert found[:3] == ["rain rain rain", "rain new", "rain old"]
    assert len(found) == 4
