"""What stands beside the code that does the work, told by its path: tests, documents, examples."""

from __future__ import annotations

import re
from functools import lru_cache

TEST, DOCUMENT, EXAMPLE = "test", "document", "example"

_TEST_FOLDERS = frozenset(
    {"t", "test", "tests", "testing", "testsuite", "fixtures", "testdata", "__tests__", "spec", "specs"}
)
_TEST_FILE = re.compile(r"(test_.*|conftest)\.py|.*[._-](test|tests|spec)\.\w+")
_DOCUMENT = re.compile(r"(^|/)(docs?|documentation|docs_src|man)/|\.(md|rst|txt|adoc)$")
_EXAMPLE = re.compile(
    r"(^|/)(examples?|demos?|samples?|tutorials?|bench(mark)?s?|extras?|scripts?|tools)/|(^|/)(setup|noxfile)\.py$"
)

_MOST = 1 << 17  # paths of which the answer is remembered: a ranking asks several times


def is_test(path: str) -> bool:
    """Tell whether a file is test code or what tests read."""
    *folders, name = path.split("/")
    return not _TEST_FOLDERS.isdisjoint(folders) or _TEST_FILE.fullmatch(name) is not None


@lru_cache(_MOST)
def beside(path: str) -> frozenset[str]:
    """Return as what a file stands beside the code, TEST, DOCUMENT, EXAMPLE; mostly nothing."""
    found = {TEST: is_test(path), DOCUMENT: _DOCUMENT.search(path), EXAMPLE: _EXAMPLE.search(path)}
    return frozenset(kind for kind, told in found.items() if told)
