"""What stands beside the code that does the work."""

import pytest

from fanfold.sources.beside import DOCUMENT, EXAMPLE, TEST, beside, is_test


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("tests/a.py", True),
        ("pkg/tests/data/a.py", True),
        ("pkg/testsuite/a.py", True),
        ("test_a.py", True),
        ("pkg/a_test.go", True),
        ("web/a.spec.ts", True),
        ("conftest.py", True),
        ("t/unit/x.pl", True),
        ("contest.py", False),
        ("pkg/testing.py", False),
        ("latest/a.py", False),
        ("test.py.txt", False),
        ("tests", False),
    ],
)
def test_tests_are_known_by_their_names(path: str, *, expected: bool) -> None:
    """Test code is what lies in a test folder or is named like a test."""
    assert is_test(path) is expected
    assert (TEST in beside(path)) is expected


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("src/a.py", set()),
        ("src/documents.py", set()),
        ("src/example.py", set()),
        ("README.md", {DOCUMENT}),
        ("docs/conf.py", {DOCUMENT}),
        ("pkg/doc/a.py", {DOCUMENT}),
        ("examples/a.py", {EXAMPLE}),
        ("pkg/benchmarks/a.py", {EXAMPLE}),
        ("setup.py", {EXAMPLE}),
        ("docs/examples/a.py", {DOCUMENT, EXAMPLE}),
        ("docs/tests/a.md", {DOCUMENT, TEST}),
    ],
)
def test_a_file_stands_beside_the_code_by_its_folders_or_its_name(path: str, expected: set[str]) -> None:
    """As documents, examples or tests, as more than one of them, and mostly as nothing."""
    assert beside(path) == expected
