"""Where a program starts: what its manifests name, and what its languages take for a start."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from fanfold.reports.analysed import Row, Table
from fanfold.reports.escape import shorten
from fanfold.skills.multi_file_analysis.analyses.manifests import DEFAULT_MAIN, programs
from fanfold.skills.multi_file_analysis.analyses.sources import Sources, production, row, table, tests_of
from fanfold.sources.repo_map.values import MappedFile, RepoMap

_MAIN_GUARD = re.compile(
    r"^if\s+(?:__name__\s*==\s*[\"']__main__[\"']|[\"']__main__[\"']\s*==\s*__name__)\s*:", re.MULTILINE
)
_C_MAIN = re.compile(
    r"^(?:extern\s+\"C\"\s+)?(?:(?:int|void)\s+(?:[A-Za-z_]\w*\s+)?w?main\s*\(|main\s*\([^;{}]*\)[^;()]*\{)",
    re.MULTILINE,
)
_SERVED = re.compile(r"^(application|app)\s*(?::[^=\n]+)?=\s*\w[\w.]*\(", re.MULTILINE)
_PATTERNS: Mapping[str, tuple[str, re.Pattern[str]]] = {
    "python": ("run as a script", _MAIN_GUARD),
    "java": ("main", re.compile(r"\bstatic\s+(?:final\s+)?void\s+main\s*\(")),
    "c-sharp": ("Main", re.compile(r"\bstatic\s+(?:async\s+)?\w+(?:<\w+>)?\s+Main\s*\(")),
    "go": ("func main", re.compile(r"^func\s+main\s*\(\s*\)", re.MULTILINE)),
    "rust": ("fn main", re.compile(r"^(?:pub\s+)?(?:async\s+)?fn\s+main\s*\(", re.MULTILINE)),
    "c": ("main", _C_MAIN),
    "cpp": ("main", _C_MAIN),
}
_ASIDE = re.compile(r"(^|/)(docs?|examples?|benchmarks?|samples?|demos?|_\w+)/")
_PREPROCESSED = frozenset({"c", "cpp"})
_DIRECTIVE = re.compile(r"^[ \t]*#[ \t]*(if|ifdef|ifndef|elif|else|endif)\b[ \t]*([^\n]*)", re.MULTILINE)
_LONGEST_CONDITION = 60
_SERVER_FILES = re.compile(r"(^|/)(wsgi|asgi|app|main|server)\.py$")


def entry_points(tree: RepoMap, sources: Sources) -> Table:
    """Return what can be started or imported, manifests first."""
    tests = tests_of(tree.files)
    rows = [
        row(said.path, said.line, said.name, said.kind, said.value)
        for said in programs(tree, sources.read)
        if said.path not in tests
        and (said.value != DEFAULT_MAIN or said.path.removesuffix("package.json") + DEFAULT_MAIN in tree.files)
    ]
    for path, file in production(tree):
        rows += _in_file(path, file, sources.read(path) or "")
    rows.sort(key=lambda found: (_ASIDE.search(found.path) is not None, ", if " in str(found.cells[1])))
    return table(
        "entry-points",
        "Entry points",
        "What the project's manifests name, and where its languages start a program.",
        ("name", "kind", "leads to"),
        rows,
    )


def _in_file(path: str, file: MappedFile, text: str) -> Iterator[Row]:
    language = file.facts.language
    if path.endswith("/__main__.py") or path == "__main__.py":
        package = path.removesuffix("__main__.py").strip("/").removeprefix("src/").replace("/", ".") or "."
        yield row(path, 1, f"python -m {package}", "package", None)
        return
    if language == "go" and not re.search(r"^package\s+main\b", text, re.MULTILINE):
        return
    kind, pattern = _PATTERNS.get(language, ("", None))
    if pattern and (match := pattern.search(text)):
        asked = _asked_before(text[: match.start()]) if language in _PREPROCESSED else ""
        line = text.count("\n", 0, match.start()) + 1
        yield row(path, line, path.rpartition("/")[2], f"{kind}, if {asked}" if asked else kind, None)
    if _SERVER_FILES.search(path) and (match := _SERVED.search(text)):
        yield row(path, text.count("\n", 0, match.start()) + 1, match[1], "served by a web server", None)


def _asked_before(text: str) -> str:
    """Return what the preprocessor asks where a text of C ends, "" where it compiles that in any case."""
    asked: list[str] = []
    for word, condition in _DIRECTIVE.findall(text):
        if word.startswith("if"):
            asked.append(condition)
        elif asked:
            asked.pop()
            if word != "endif":
                asked.append(condition or "not before")
    said = " ".join(asked[-1].split()) if asked else ""
    return shorten(said, _LONGEST_CONDITION)
