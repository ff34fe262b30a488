"""The tests in environments of their own: on other Pythons, with other versions of what we need.

    python -m tests.environments pythons   on each CPython that pyproject.toml names, but this one
    python -m tests.environments lowest    with the lowest versions that pyproject.toml allows
    python -m tests.environments newest    with the newest releases, resolved now

Several may be named; options of pytest follow.

Each is a folder .venv-NAME beside .venv. What is installed is pinned with its hashes in
requirements/, but for `newest`, whose outcome depends on the day: it is for people, not for CI.
"""

import itertools
import os
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[1]
DEV: Final = "requirements/dev.txt"
LOWEST: Final = "requirements/lowest.txt"

WHAT: Final = ("tests/unit", "tests/contract", "tests/adapters")
"""What another environment may change: the code, on both databases, and under the SDK."""

_CLASSIFIER: Final = re.compile(r"Programming Language :: Python :: (3\.\d+)")
_ABOUT: Final = "import ensurepip, platform, sqlite3, sys, venv; print(platform.python_version())"


@dataclass(frozen=True)
class Python:
    """An interpreter of this machine."""

    path: str
    version: str


def supported() -> list[str]:
    """Return the versions of CPython that pyproject.toml names, as "3.11": what is tested."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    found = (_CLASSIFIER.fullmatch(classifier) for classifier in project["classifiers"])
    return [match[1] for match in found if match]


def find(version: str) -> Python | None:
    """Return a working CPython of a version such as "3.12": on the path, or one of pyenv's."""
    for path in _candidates(version):
        asked = subprocess.run([path, "-c", _ABOUT], capture_output=True, text=True, check=False)
        full = asked.stdout.strip()
        if asked.returncode == 0 and full.startswith(f"{version}."):
            return Python(path, full)
    return None


def _candidates(version: str) -> Iterator[str]:
    name = f"python{version}"
    for folder in os.get_exec_path():
        if found := shutil.which(name, path=folder):
            yield found
    pyenv = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv")
    yield from map(str, sorted(pyenv.glob(f"versions/{version}.*/bin/{name}"), reverse=True))


def make(name: str, python: str, *requirements: str) -> str:
    """Make the environment .venv-NAME anew, with exactly these requirements and the project.

    Returns the path of its Python.
    """
    folder = ROOT / f".venv-{name}"
    made = str(folder / "bin" / "python")
    subprocess.run([python, "-m", "venv", "--clear", str(folder)], check=True)
    _install(made, *itertools.chain.from_iterable(("-r", each) for each in requirements))
    _install(made, "--no-deps", "--no-build-isolation", "--editable", ".")
    return made


def _install(python: str, *what: str) -> None:
    """Install as the Makefile does: with pip, which knows how this machine is set up."""
    quietly = ("-m", "pip", "install", "--quiet", "--disable-pip-version-check")
    subprocess.run([python, *quietly, *what], cwd=ROOT, check=True)


def test(python: str, options: Sequence[str]) -> None:
    """Run the tests there; a failure ends this program."""
    done = subprocess.run([python, "-m", "pytest", *WHAT, *options], cwd=ROOT, check=False)
    if done.returncode:
        sys.exit(done.returncode)


def pythons(options: Sequence[str]) -> list[str]:
    """Test on every Python that is claimed but the one that runs; return what was tested."""
    here = f"{sys.version_info.major}.{sys.version_info.minor}"
    others = {version: find(version) for version in supported() if version != here}
    missing = [version for version, python in others.items() if python is None]
    tested = []
    for version, python in others.items():
        if python is not None:
            test(make(version, python.path, DEV), options)
            tested.append(f"CPython {python.version}")
    return tested + [f"not CPython {version}, which this machine has not" for version in missing]


def lowest(options: Sequence[str]) -> list[str]:
    """Test with the lowest versions that are allowed, on the lowest Python that is."""
    python = find(supported()[0])
    if python is None:
        sys.exit(f"The lowest versions are those for CPython {supported()[0]}, which is not here.")
    test(make("lowest", python.path, LOWEST), options)
    return [f"the lowest versions that pyproject.toml allows, on CPython {python.version}"]


def newest(options: Sequence[str]) -> list[str]:
    """Test with the newest releases of the moment; what is newer than the lock is printed."""
    resolved = ROOT / ".venv" / "newest.txt"
    asked = ("--all-extras", "--group", "build", "--group", "test", "--group", "demo")
    _uv("pip", "compile", "--quiet", "--upgrade", *asked, "pyproject.toml", "-o", str(resolved))
    for pin in sorted(_pins(resolved) - _pins(ROOT / DEV)):
        print(f"newer than the lock: {pin}", flush=True)
    test(make("newest", sys.executable, str(resolved)), options)
    return ["the newest releases of today"]


def _pins(requirements: Path) -> set[str]:
    return set(re.findall(r"^[\w.-]+==[^\s;]+", requirements.read_text("utf-8"), re.MULTILINE))


def _uv(*arguments: str) -> None:
    subprocess.run([sys.executable, "-m", "uv", *arguments], cwd=ROOT, check=True)


RUNS: Final = {"pythons": pythons, "lowest": lowest, "newest": newest}


def main(*arguments: str) -> None:
    """Run what is asked for, and say what was tested."""
    asked = list(itertools.takewhile(RUNS.__contains__, arguments))
    options = arguments[len(asked) :]
    tested = [line for name in asked for line in RUNS[name](options)]
    print(f"Tested with {' '.join(WHAT)}: {'; '.join(tested) or 'nothing'}.")


if __name__ == "__main__":
    main(*sys.argv[1:])
