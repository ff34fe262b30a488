"""Change the code that checks a log, one place at a time, and see that a test notices each.

    python -m tests.mutation [MODULE ...]

A mutant that no test notices is named, and the exit status is 1. Those that change nothing that
anybody could notice are listed in EQUIVALENT, each with its reason.
"""

import argparse
import ast
import copy
import importlib
import importlib.abc
import importlib.machinery
import importlib.util
import os
import signal
import sys
from collections.abc import Iterator, Sequence
from types import CodeType
from typing import Any, Final

from eventlog import Signer
from tests import servers

PATIENCE: Final = 300
"""Seconds: a mutant that does not end is noticed, too."""

VERIFY: Final = (
    "tests/unit/test_diagnosis.py",
    "tests/unit/test_key_check.py",
    "tests/contract/verify/test_verify.py",
    "tests/contract/verify/test_tamper_matrix.py",
    "tests/contract/verify/test_tamper_keys.py",
)
TESTS: Final[dict[str, tuple[str, ...]]] = {
    "eventlog.proof.merkle": ("tests/unit/test_merkle.py",),
    "eventlog.proof.checkpoint": ("tests/unit/test_checkpoint.py",),
    "eventlog.verify.faults": VERIFY[2:],
    "eventlog.verify.diagnosis": VERIFY,
    "eventlog.verify.keys": VERIFY[1:],
    "eventlog.verify.walk": ("tests/unit/test_walk.py", *VERIFY[2:]),
    "eventlog.verify.streams": VERIFY[2:],
    "eventlog.verify.reading": ("tests/unit/test_verification.py", *VERIFY[2:]),
    "eventlog.verify.suspects": VERIFY[2:],
    "eventlog.verify.contents": ("tests/contract/verify/test_contents.py",),
    "eventlog.verify.structure": ("tests/contract/verify/test_structure.py",),
    "eventlog.verify.lengths": ("tests/contract/verify/test_structure.py",),
    "eventlog.verify.forks": ("tests/contract/verify/test_structure.py",),
    "eventlog.verify.opening": ("tests/contract/verify/test_opening.py",),
    "eventlog.verify.feed": ("tests/unit/test_feed_check.py", *VERIFY[2:]),
    "eventlog.verify.log": ("tests/unit/test_verification.py", *VERIFY[2:]),
}
OURS: Final = ("eventlog", "eventlog_projections", "tests")
EQUIVALENT: Final[dict[str, str]] = {
    "eventlog.verify.diagnosis: 65: WINDOW: Final = 64": "a bound of work",
    "eventlog.verify.suspects: 101: MOST_SUSPECTS: Final = 100": "a bound of work",
    "eventlog.verify.reading: 3: TOGETHER: Final = 2 * PAGE": "a bound of memory",
    "eventlog.verify.reading: Lt 2: if not 0 < total <= TOGETHER:": "how much is read together",
    "eventlog.verify.reading: LtE 1: if not 0 < total <= TOGETHER:": "nothing is read either way",
    "eventlog.verify.reading: 1: if not 0 < total <= TOGETHER:": "how much is read together",
    "eventlog.verify.reading: 2: events = await self._events.many("
    "[stream.stream_id for stream in streams], total + 1)": "one row more is read than is needed",
    "eventlog.verify.reading: 1: size = 0": "how much is read together",
    "eventlog.verify.reading: Gt 1: if size >= PAGE:": "how much is read together",
    "eventlog.verify.feed: 17: LEAVES: Final = 16 * TILE_WIDTH": "a bound of memory",
    "eventlog.proof.checkpoint: 17: @functools.lru_cache(maxsize=16)": "a bound of memory",
}

FLIPPED: Final[dict[type[ast.AST], type[ast.AST]]] = {
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
    ast.And: ast.Or,
    ast.Or: ast.And,
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.FloorDiv: ast.Mult,
    ast.RShift: ast.LShift,
    ast.LShift: ast.RShift,
}


class Mutant:
    """One change of one module."""

    def __init__(self, module: str, tree: ast.Module, line: int, what: str) -> None:
        self.module = module
        self.tree = tree
        source = _source(module).splitlines()[line - 1].strip()
        self.name = f"{module}: {what}: {source}"

    def is_noticed(self) -> bool:
        """Run the module's tests on the mutant, in a process of its own."""
        child = os.fork()
        if child == 0:
            signal.alarm(PATIENCE)
            os._exit(self._test())
        _, status = os.waitpid(child, 0)
        return status != 0

    def _test(self) -> int:
        import pytest

        quiet = os.open(os.devnull, os.O_WRONLY)
        os.dup2(quiet, 1)
        os.dup2(quiet, 2)
        # What is not ours was imported once, before the fork.
        for name in [name for name in sys.modules if name.partition(".")[0] in OURS]:
            del sys.modules[name]
        sys.meta_path.insert(0, _Finder(self.module, self.tree))
        options = ("-x", "-q", "-o", "addopts=", "-p", "no:cacheprovider", "--assert=plain")
        return int(pytest.main([*options, "-k", "not postgres", *TESTS[self.module]]))


class _Finder(importlib.abc.MetaPathFinder):
    def __init__(self, module: str, tree: ast.Module) -> None:
        self._module = module
        self._tree = tree

    def find_spec(self, name: str, path: Any, target: Any = None) -> Any:
        if name != self._module:
            return None
        spec = importlib.machinery.PathFinder.find_spec(name, path)
        assert spec
        assert spec.origin
        spec.loader = _Loader(name, spec.origin, self._tree)
        return spec


class _Loader(importlib.machinery.SourceFileLoader):
    def __init__(self, name: str, path: str, tree: ast.Module) -> None:
        super().__init__(name, path)
        self._tree = tree

    def get_code(self, fullname: str) -> CodeType:
        code = compile(self._tree, self.path, "exec")
        assert isinstance(code, CodeType)
        return code


def mutants(module: str) -> Iterator[Mutant]:
    """Yield every mutant of a module."""
    original = ast.parse(_source(module))
    for number, node in enumerate(ast.walk(original)):
        for change in _changes(node):
            tree = copy.deepcopy(original)
            what = change(list(ast.walk(tree))[number])
            line = getattr(node, "lineno", 1)
            yield Mutant(module, ast.fix_missing_locations(tree), line, what)


def _changes(node: ast.AST) -> list[Any]:
    if isinstance(node, ast.Compare):
        return [lambda found, at=at: _flip_compare(found, at) for at in range(len(node.ops))]
    if isinstance(node, (ast.BoolOp, ast.BinOp)) and type(node.op) in FLIPPED:
        return [_flip_operator]
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
        return [_forget_not]
    if isinstance(node, ast.Constant) and isinstance(node.value, (bool, int)):
        return [_change_constant]
    return []


def _flip_compare(node: Any, at: int) -> str:
    node.ops[at] = FLIPPED[type(node.ops[at])]()
    return f"{type(node.ops[at]).__name__} {at + 1}"


def _flip_operator(node: Any) -> str:
    node.op = FLIPPED[type(node.op)]()
    return type(node.op).__name__


def _forget_not(node: Any) -> str:
    node.op, node.operand = ast.Not(), ast.UnaryOp(ast.Not(), node.operand)
    return "no Not"


def _change_constant(node: Any) -> str:
    node.value = not node.value if isinstance(node.value, bool) else node.value + 1
    return f"{node.value}"


def _source(module: str) -> str:
    spec = importlib.util.find_spec(module.partition(".")[0])
    assert spec
    assert spec.submodule_search_locations
    path = os.path.join(spec.submodule_search_locations[0], f"{module.partition('.')[2]}.py")
    with open(path, encoding="utf-8") as file:
        return file.read()


def main(modules: Sequence[str]) -> int:
    """Try every mutant; return 1 if one was not noticed that should have been."""
    os.environ.setdefault(servers.POSTGRES, "postgresql://nobody/")
    os.environ.setdefault(servers.REDIS, "redis://nobody")
    for warm in ("tests.contract.proof.test_tree", "tests.unit.test_merkle", "alembic.command"):
        importlib.import_module(warm)
    Signer("warm", bytes(32)).sign(0, bytes(32))
    tried = noticed = 0
    survivors: list[str] = []
    for module in modules:
        if Mutant(module, ast.parse(_source(module)), 1, "nothing").is_noticed():
            print(f"{module}: its tests fail without any change", flush=True)
            return 2
        for mutant in mutants(module):
            if mutant.name in EQUIVALENT:
                continue
            tried += 1
            if mutant.is_noticed():
                noticed += 1
            else:
                survivors.append(mutant.name)
                print(f"not noticed: {mutant.name}", flush=True)
        print(f"{module}: {noticed} of {tried} noticed so far", flush=True)
    return 1 if survivors else 0


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("modules", nargs="*", default=list(TESTS))
    sys.exit(main(parser.parse_args().modules))
