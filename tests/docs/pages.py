"""The documents of the repository, and what they and the source name: paths, modules, imports."""

import ast
import importlib
import io
import re
import subprocess
import textwrap
import tokenize
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[2]

MIGRATIONS: Final = "eventlog/_migrations/"
"""Where the wheel has its copy of `alembic/`."""

_URL: Final = re.compile(r"\w+://\S+")
_PATH: Final = re.compile(
    r"(?<![\w/.:-])"
    r"((?:eventlog|projections|adapters|alembic|tests|docs|examples|benchmarks|requirements)"
    r"/[\w./*-]*)"
)
_FILE: Final = re.compile(r"`([\w./-]+\.(?:py|md|json|toml|svg|mako))`")
_LINK: Final = re.compile(r"\]\(([^)\s]+)\)")
_HEADING: Final = re.compile(r"^#+ (.*)$", re.MULTILINE)
_BLOCK: Final = re.compile(r"^ *```(\w*)\n(.*?)^ *```$", re.MULTILINE | re.DOTALL)
_DOTTED: Final = re.compile(
    r"(?<![\w./`'\"-])`?((?:eventlog|eventlog_\w+|projections|adapters|tests|benchmarks|examples)"
    r"(?:\.(?!(?:md|json)\b)[A-Za-z_]\w*)+)"
)


@cache
def tracked() -> frozenset[str]:
    """Return every file of the repository, and every folder that one is in."""
    asked = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(asked, cwd=ROOT, capture_output=True, text=True, check=True)
    files = [name for name in listed.stdout.split("\0") if name and (ROOT / name).exists()]
    folders = {str(folder) for name in files for folder in Path(name).parents}
    return frozenset(files) | folders


def documents() -> list[str]:
    """Return the Markdown files that people wrote."""
    written = sorted(name for name in tracked() if name.endswith(".md"))
    return [name for name in written if not name.startswith("benchmarks/results/")]


def sources() -> list[str]:
    """Return the Python files."""
    return sorted(name for name in tracked() if name.endswith(".py"))


def text(name: str) -> str:
    """Return what a file says."""
    return (ROOT / name).read_text("utf-8")


def exists(path: str) -> bool:
    """Tell whether a path from the root is there: a file, a folder, or a module without `.py`.

    A `*` stands for anything, and a decision may be named by its number.
    """
    path = path.replace(MIGRATIONS, "alembic/").rstrip("/._-")
    if path in tracked() or f"{path}.py" in tracked():
        return True
    pattern = path if "*" in path else f"{path}[-_]*"
    return any(Path(name).match(pattern) for name in tracked())


def paths(said: str) -> list[str]:
    """Return the paths in a text that begin at the root of the repository."""
    return _PATH.findall(_URL.sub("", said))


def files(said: str) -> list[str]:
    """Return the names of files in backticks, wherever they begin."""
    return [found for found in _FILE.findall(said) if "..." not in found]


def links(said: str) -> list[tuple[str, str]]:
    """Return the targets of links inside the repository: a path, which may be "", and an anchor."""
    found = [target for target in _LINK.findall(said) if "://" not in target]
    return [(target.partition("#")[0], target.partition("#")[2]) for target in found]


def anchors(said: str) -> set[str]:
    """Return the anchors of a page's headings, as GitHub makes them."""
    outside = _BLOCK.sub("", said)
    kept = (re.sub(r"[^\w\- ]", "", heading.lower()) for heading in _HEADING.findall(outside))
    return {heading.strip().replace(" ", "-") for heading in kept}


def blocks(said: str, language: str) -> list[str]:
    """Return the code blocks of a page in one language, in their order."""
    return [textwrap.dedent(code) for kind, code in _BLOCK.findall(said) if kind == language]


def imported(code: str) -> list[str]:
    """Return what a piece of Python imports of ours, as dotted names."""
    found: list[str] = []
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.Import):
            found += [each.name for each in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            found += [f"{node.module}.{each.name}" for each in node.names if each.name != "*"]
    ours = ("eventlog", "projections", "adapters", "tests", "benchmarks", "examples")
    return [name for name in found if name.startswith(ours)]


def dotted(said: str) -> list[str]:
    """Return dotted names in a text that begin with a package of ours."""
    return _DOTTED.findall(_URL.sub("", said))


def prose(code: str) -> str:
    """Return the comments and docstrings of a piece of Python."""
    tokens = tokenize.generate_tokens(io.StringIO(code).readline)
    comments = [token.string for token in tokens if token.type == tokenize.COMMENT]
    return "\n".join([*comments, *_docstrings(ast.parse(code))])


def _docstrings(tree: ast.Module) -> Iterator[str]:
    """Also the strings that stand below a constant or a field and describe it."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            yield str(node.value.value)


@cache
def is_importable(name: str) -> bool:
    """Tell whether a dotted name is a module, or something that a module has."""
    module, _, rest = name.partition(".")
    try:
        found: object = importlib.import_module(module)
    except ModuleNotFoundError:
        return False
    for part in rest.split(".") if rest else ():
        module = f"{module}.{part}"
        if hasattr(found, part):
            found = getattr(found, part)
            continue
        try:
            found = importlib.import_module(module)
        except ModuleNotFoundError:
            return False
    return True


@cache
def tests() -> frozenset[str]:
    """Return the names of all tests."""
    said = "\n".join(text(name) for name in sources() if name.startswith("tests/"))
    return frozenset(re.findall(r"def (test_\w+)", said))


@cache
def quoted_names() -> frozenset[str]:
    """Return dotted names that are strings of the source: loggers, spans, metrics."""
    said = "\n".join(text(name) for name in sources())
    return frozenset(re.findall(r"[\"'](eventlog(?:\.\w+)+)[\"']", said))
