"""What stands beside the code that does the work, told by its path: tests, documents, examples."""

from __future__ import annotations

import re
from functools import lru_cache

TEST, DOCUMENT, EXAMPLE = "test", "document", "example"

_TEST_FOLDERS = frozenset(
    {"t", "test", "tests", "testing", "testsuite", "fixtures", "testdata", "__tests__", "spec", "specs"}
    | {"Test", "Tests", "Testing", "Fixtures", "Spec", "Specs"}  # as PHP and C# write namespaces
)
# A project of tests in C#, and the source sets of Gradle: `Shop.Tests`, `androidTest`.
_TEST_PROJECT = re.compile(r".+\.(?:\w*Tests?|\w*Specs)|(?:android|common|functional|integration|js|jvm|unit)Test")
_TEST_FILE = re.compile(
    r"test_.*\.(?:py|rb|c|cc|cpp|cxx)|conftest\.py|.*[._-](?:test|tests|spec)\.\w+|.*\.phpt"
    r"|tests?\.(?:c|cc|cpp|cxx|[cm]?[jt]s)|[A-Z]\w*(?:Tests?|Specs?)\.(?:cs|groovy|java|kt|php|scala|swift)"
    r"|[A-Z]\w*[a-z]IT\.java"
)
_DOCUMENT = re.compile(r"(^|/)(docs?|documentation|docs_src|man)/|\.(md|rst|txt|adoc)$")
_EXAMPLE = re.compile(
    r"(^|/)(examples?|demos?|samples?|tutorials?|bench(mark)?s?|extras?|scripts?|tools)/|(^|/)(setup|noxfile)\.py$"
)

_MOST = 1 << 17  # paths of which the answer is remembered: a ranking asks several times


def is_test(path: str) -> bool:
    """Tell whether a file is test code or what tests read."""
    *folders, name = path.split("/")
    if not _TEST_FOLDERS.isdisjoint(folders) or _TEST_FILE.fullmatch(name):
        return True
    return any(_TEST_PROJECT.fullmatch(folder) for folder in folders if "Test" in folder or "Specs" in folder)


@lru_cache(_MOST)
def beside(path: str) -> frozenset[str]:
    """Return as what a file stands beside the code, TEST, DOCUMENT, EXAMPLE; mostly nothing."""
    found = {TEST: is_test(path), DOCUMENT: _DOCUMENT.search(path), EXAMPLE: _EXAMPLE.search(path)}
    return frozenset(kind for kind, told in found.items() if told)
