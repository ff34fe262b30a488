"""What is said to be tested is what CI runs: Pythons, and versions of what we need."""

import re
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import pytest

from tests import environments
from tests.environments import DEV, LOWEST, ROOT, find, supported

HERE: Final = f"{sys.version_info.major}.{sys.version_info.minor}"
PROJECT: Final[dict[str, Any]] = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


def listed(words: list[str]) -> str:
    return f"{', '.join(words[:-1])} and {words[-1]}"


def pins(requirements: str) -> dict[str, str]:
    """Return what a file of requirements pins: versions by name."""
    text = (ROOT / requirements).read_text()
    found: list[tuple[str, str]] = re.findall(r"^([\w.-]+)==([^\s\\]+)", text, re.MULTILINE)
    return dict(found)


def minimums() -> dict[str, str]:
    """Return the lowest version that is allowed of each dependency and each one of an extra."""
    extras: dict[str, list[str]] = PROJECT["optional-dependencies"]
    needed = [*PROJECT["dependencies"], *(name for extra in extras.values() for name in extra)]
    found: list[tuple[str, str]] = re.findall(
        r"^([\w.-]+).*>=(\S+)$", "\n".join(needed), re.MULTILINE
    )
    return dict(found)


def test_the_readme_claims_the_pythons_that_ci_runs() -> None:
    """Those of the classifiers, which `make test-pythons` reads, and no other."""
    said = re.search(r"Tested on CPython ([\d., and]+\d)", (ROOT / "README.md").read_text())
    assert said is not None
    assert said[1] == listed(supported())


def test_the_lowest_python_is_the_first_that_is_tested() -> None:
    """What pip lets somebody install on is tested from its lower end on."""
    assert PROJECT["requires-python"] == f">={supported()[0]}"
    assert HERE in supported(), "the tests run on a Python that nobody claims"


def test_the_readme_claims_the_sdk_that_is_installed() -> None:
    """By its minor version, in which it changes."""
    version = pins(DEV)["openai-agents"].rpartition(".")[0]
    assert f"with openai-agents {version}" in " ".join((ROOT / "README.md").read_text().split())


def test_the_lowest_versions_that_are_tested_are_the_lowest_allowed() -> None:
    """Whoever changes a minimum locks again, and the tests say whether it works."""
    tested = pins(LOWEST)
    for name, minimum in minimums().items():
        parts = tested[name].split(".")
        assert parts[: minimum.count(".") + 1] == minimum.split("."), name
        assert set(parts[minimum.count(".") + 1 :]) <= {"0"}, name


def test_beside_the_lowest_versions_all_is_as_it_is_elsewhere() -> None:
    """What fails there fails because of a version that users may have."""
    dev, tested = pins(DEV), pins(LOWEST)
    common = ({*dev} & {*tested}) - {*minimums()}
    assert len(common) > 20
    assert {name: tested[name] for name in common} == {name: dev[name] for name in common}


def test_this_python_is_found() -> None:
    """On the path or among those of pyenv."""
    found = find(HERE)
    assert found is not None
    assert found.version.startswith(HERE)


def script(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine with no Python on the path and none of pyenv's."""
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    monkeypatch.setenv("PYENV_ROOT", str(tmp_path / "pyenv"))
    return tmp_path


def test_a_python_that_does_not_run_is_passed_over(machine: Path) -> None:
    """As pyenv's stand-ins do not, for a version that is not chosen."""
    script(machine / "bin/python3.99", "exit 127")
    script(machine / "pyenv/versions/3.99.1/bin/python3.99", "echo 3.99.1")
    found = find("3.99")
    assert found is not None
    assert found.path == str(machine / "pyenv/versions/3.99.1/bin/python3.99")


def test_a_python_of_another_version_is_none_of_this(machine: Path) -> None:
    """Whatever its file is called."""
    script(machine / "bin/python3.99", "echo 3.9.9")
    assert find("3.99") is None


@pytest.fixture
def nothing_runs(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, ...]]:
    """What would be made and tested, instead of making it."""
    made: list[tuple[str, ...]] = []

    def make(*arguments: str) -> str:
        made.append(arguments)
        return arguments[1]

    monkeypatch.setattr(environments, "make", make)
    monkeypatch.setattr(environments, "test", lambda python, options: made.append((python,)))
    return made


Claim = Callable[..., None]


@pytest.fixture
def claims(monkeypatch: pytest.MonkeyPatch) -> Claim:
    def claim(*versions: str) -> None:
        monkeypatch.setattr(environments, "supported", lambda: list(versions))

    return claim


def test_what_was_tested_is_said_at_the_end(
    machine: Path,
    nothing_runs: list[tuple[str, ...]],
    claims: Claim,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """And what was not: no other Python is run in its place."""
    claims(HERE, "3.98", "3.99")
    script(machine / "bin/python3.98", "echo 3.98.1")
    environments.main("pythons", "-n", "2")
    assert [run[0] for run in nothing_runs] == ["3.98", str(machine / "bin/python3.98")]
    (said,) = capsys.readouterr().out.splitlines()
    assert said.endswith(": CPython 3.98.1; not CPython 3.99, which this machine has not.")


def test_the_lowest_versions_are_tried_on_the_lowest_python(
    nothing_runs: list[tuple[str, ...]], claims: Claim, capsys: pytest.CaptureFixture[str]
) -> None:
    """Both lower ends at once, pinned with their hashes."""
    claims(HERE, "3.99")
    environments.main("lowest")
    assert nothing_runs[0][0] == "lowest"
    assert nothing_runs[0][2:] == (LOWEST,)
    said = f"the lowest versions that pyproject.toml allows, on CPython {HERE}."
    assert said in capsys.readouterr().out
