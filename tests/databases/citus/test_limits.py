"""The table of what Citus cannot do names tests that there are: a renamed one is noticed."""

from tests import processes
from tests.databases.citus.limits import LIMITS


async def test_every_test_that_citus_fails_is_there() -> None:
    """Where there is no Citus too, so that whoever renames one hears of it."""
    named = {test for tests in LIMITS.values() for test in tests}
    files = sorted({test.partition("::")[0] for test in named})
    collect = ("-m", "pytest", "--collect-only", "-q", "-p", "no:cacheprovider", *files)
    status, output = await processes.output_of(*collect)
    assert status == 0, output
    assert named - set(output.splitlines()) == set()


def test_no_test_is_listed_twice() -> None:
    """It fails for one reason."""
    named = [test for tests in LIMITS.values() for test in tests]
    assert len(named) == len(set(named))
