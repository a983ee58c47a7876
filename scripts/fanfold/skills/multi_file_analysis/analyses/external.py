"""What a tree takes from outside: packages that its imports name and it does not define."""

from __future__ import annotations

import re
import sys
from collections import defaultdict
from collections.abc import Callable, Collection, Mapping

from fanfold.reports.analysed import Table
from fanfold.skills.multi_file_analysis.analyses.manifests import dependencies, packages
from fanfold.skills.multi_file_analysis.analyses.sources import Sources, limited, row, table, tests_of
from fanfold.sources.repo_map.values import RepoMap

_NODE = frozenset(
    [
        "assert",
        "async_hooks",
        "buffer",
        "child_process",
        "cluster",
        "console",
        "constants",
        "crypto",
        "dgram",
        "diagnostics_channel",
        "dns",
        "domain",
        "events",
        "fs",
        "http",
        "http2",
        "https",
        "inspector",
        "module",
        "net",
        "os",
        "path",
        "perf_hooks",
        "process",
        "punycode",
        "querystring",
        "readline",
        "repl",
        "stream",
        "string_decoder",
        "timers",
        "tls",
        "trace_events",
        "tty",
        "url",
        "util",
        "v8",
        "vm",
        "wasi",
        "worker_threads",
        "zlib",
        "test",
    ]
)


# Modules that are in no package, nor in the standard library: the program itself, and what type checkers alone know.
_NO_PACKAGES = frozenset({"__main__", "_typeshed"})


def external(tree: RepoMap, sources: Sources) -> Table:
    """Return the packages by how many files import them, each at the first place that does."""
    needed = list(dependencies(tree, sources.read))
    declared = {_same(said.name): said.path for said in needed}
    own = _own(tree, sources.read)
    go_modules = frozenset(said.name for said in needed if said.path.endswith("go.mod")) | own
    tests = tests_of(tree.files)
    modules = _rust_modules(tree) - declared.keys()
    first: dict[tuple[str, str], tuple[str, int]] = {}
    users: dict[tuple[str, str], set[str]] = defaultdict(set)
    for path, file in sorted(tree.files.items(), key=lambda found: (found[0] in tests, found[0])):
        language = file.facts.language
        package_of = _PACKAGES.get(language)
        for one in file.facts.imports if package_of else ():
            package = package_of(one.module) if package_of else ""
            if language == "go":
                package = _within(one.module, go_modules) or package
            if package and package not in own and not (language == "rust" and _same(package) in modules):
                users[language, package].add(path)
                first.setdefault((language, package), (path, one.line))
    ranked = sorted(users, key=lambda key: (-len(users[key]), key))
    found = table(
        "external",
        "Dependencies",
        "Packages from outside of the tree and its language's own library, by how many files import them. A package is "
        "often declared under another name than it is imported by: nothing in the last column is a hint, not a fault.",
        ("package", "language", "files", "declared in"),
        (row(*first[key], key[1], key[0], len(users[key]), declared.get(_same(key[1]))) for key in ranked),
    )
    return limited(found, tree, _PACKAGES)


def _same(name: str) -> str:
    """Return the name as package indexes compare it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def _own(tree: RepoMap, read: Callable[[str], str | None]) -> frozenset[str]:
    """Return the names under which a tree's own packages are imported."""
    names = {said.name for said in packages(tree, read)}
    names |= {_go(said.name) for said in packages(tree, read) if said.path.endswith("go.mod")} - {""}
    for path in tree.files:
        if path.endswith((".py", ".pyi", ".pyx", ".so")):
            *folders, name = path.split("/")
            names.update(folders)
            names.add(name.partition(".")[0])
    return frozenset(names)


def _rust_modules(tree: RepoMap) -> frozenset[str]:
    """Return the names of a tree's Rust modules, as `_same` has them: a path may begin with one as with a crate."""
    files = [(path, file) for path, file in tree.files.items() if file.facts.language == "rust"]
    names = {part.removesuffix(".rs") for path, _ in files for part in path.split("/")}
    return frozenset(map(_same, names.union(symbol.name for _, file in files for symbol in file.facts.symbols)))


def _python(module: str) -> str:
    top = module.partition(".")[0]
    return "" if top in sys.stdlib_module_names or top in _NO_PACKAGES else top


def _script(module: str) -> str:
    if module.startswith((".", "/", "node:", "#", "@/", "~")) or module.partition("/")[0] in _NODE:
        return ""
    parts = module.split("/")
    return "/".join(parts[:2]) if module.startswith("@") else parts[0]


def _go(module: str) -> str:
    parts = module.split("/")
    return "/".join(parts[:3]) if "." in parts[0] else ""


def _within(module: str, modules: Collection[str]) -> str:
    """Return the module that a Go package belongs to, "" for none of these: how long its path is differs."""
    parts = module.split("/")
    beginnings = ("/".join(parts[:length]) for length in range(len(parts), 0, -1))
    return next((one for one in beginnings if "/" in one and one in modules), "")


def _rust(module: str) -> str:
    top = module.partition("::")[0]
    return "" if top in {"crate", "self", "super", "std", "core", "alloc", "proc_macro", "test"} else top


_PACKAGES: Mapping[str, Callable[[str], str]] = {
    "python": _python,
    "javascript": _script,
    "typescript": _script,
    "tsx": _script,
    "go": _go,
    "rust": _rust,
}
