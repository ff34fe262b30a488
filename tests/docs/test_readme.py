"""The README says what is true."""

import re
from pathlib import Path

from msgspec.structs import asdict

from eventlog.store.contract.options import Options

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text()


def test_the_thirty_lines_are_the_example_that_is_tested() -> None:
    """What a reader copies is what the tests run."""
    shown = re.search(r"<!-- (\S+) -->\n```python\n(.*?)```", README, re.DOTALL)
    assert shown is not None
    assert (ROOT / shown[1]).read_text() == shown[2]


def test_the_documented_defaults_are_the_defaults() -> None:
    """The table of settings names what Options has."""
    defaults = Options()
    own = {**asdict(defaults.sqlite), **asdict(defaults.postgres)}
    for name in ("pool_size", "connect_timeout", "statement_timeout", "busy_timeout"):
        row = re.search(rf"\| `{name}` \| (\d+)", README)
        assert row is not None
        assert float(row[1]) == own[name]
    assert f'| `durability` | `"{defaults.durability}"` |' in README
    assert f"| `migrate` | `{defaults.migrate}` |" in README


def test_every_make_target_of_the_documents_exists() -> None:
    """Only commands that exist."""
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    for document in ("README.md", "CONTRIBUTING.md"):
        named = set(
            re.findall(r"(?:`|^)make ([a-z]+)", (ROOT / document).read_text(), re.MULTILINE)
        )
        assert named <= targets


def test_every_figure_of_the_readme_is_one_that_was_measured() -> None:
    """Figure, what it is beside, spread, bar and verdict are a row of the results, unrounded."""
    results = (ROOT / "benchmarks" / "results" / "benchmarks.md").read_text()
    measured = {tuple(row[2:]) for row in _rows(results) if len(row) == 7}
    shown = [row for row in _rows(README.partition("## How fast")[2]) if len(row) == 6]
    assert len(shown) > 30
    assert [row for row in shown if tuple(row[1:]) not in measured] == []


def _rows(text: str) -> list[list[str]]:
    """Return the cells of tables, without their heads."""
    lines = re.findall(r"^\| (.*) \|$", text, re.MULTILINE)
    return [line.split(" | ") for line in lines if not line.startswith(("what", "---"))]
