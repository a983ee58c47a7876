"""A map folded to so few nodes that a person can read them: folders in place of files where there are too many."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import replace
from itertools import pairwise

from fanfold.reports.amounts import count
from fanfold.reports.analysed import Link, Module, ModuleGraph
from fanfold.skills.multi_file_analysis.analyses.sources import production
from fanfold.sources.folders import folder_of, upwards
from fanfold.sources.repo_map.graph import cycles, layers
from fanfold.sources.repo_map.values import FileFacts, MappedFile, RepoMap

MOST_MODULES = 30
_ROOT = "."


def module_graph(tree: RepoMap, most: int = MOST_MODULES) -> ModuleGraph:
    """Return which modules of the production code import which, folded to at most `most` of them.

    Files that neither import nor are imported are left out. Folders are opened, those with most tokens first, for as
    long as there is room.
    """
    linked = {path for path, others in tree.imports.items() for path in (path, *others)}
    paths = [path for path, _ in production(tree) if path in linked]
    code = [path for path, file in production(tree) if file.facts.symbols or file.facts.imports]
    kept = paths or code
    folded = folded_by(tree, names_for(tree, kept, most))
    return _drawn(folded, _note(len(folded.files), len(kept), len(code) - len(kept)))


def _note(modules: int, files: int, alone: int) -> str:
    also = f", and {count(alone, 'file')} that no import leads to or from" if alone > 0 else ""
    said = [f"Test code is left out{also}"]
    if modules < files:
        said.append(f"{files:,} files are folded to {modules} modules")
    return "; ".join(said)


def _drawn(folded: RepoMap, note: str) -> ModuleGraph:
    level = {name: at for at, names in enumerate(layers(folded)) for name in names}
    cycle = {name: at for at, names in enumerate(cycles(folded), 1) for name in names}
    modules = (
        Module(
            name=name,
            files=file.size,
            lines=file.facts.lines,
            tokens=file.facts.tokens,
            layer=level[name],
            cycle=cycle.get(name),
        )
        for name, file in folded.files.items()
    )
    links = (
        Link(source=name, target=other, files=round(folded.references[name][other]))
        for name, others in folded.imports.items()
        for other in others
    )
    return ModuleGraph(modules=tuple(modules), links=tuple(links), note=note)


def folded_by(tree: RepoMap, names: Mapping[str, str]) -> RepoMap:
    """Return the map of modules: each holds the files of its name, and `size` is their number.

    `references` say how many files of a module import another one.
    """
    held: dict[str, list[str]] = defaultdict(list)
    for path, name in names.items():
        held[name].append(path)
    weights: dict[str, dict[str, float]] = defaultdict(lambda: defaultdict(float))
    for path, name in names.items():
        for other in {names[other] for other in tree.imports.get(path, ()) if other in names} - {name}:
            weights[name][other] += 1
    files = {name: _module(tree, name, held[name]) for name in sorted(held)}
    imports = {name: tuple(sorted(weights[name])) for name in files if name in weights}
    return RepoMap(files=files, imports=imports, references={name: dict(weights[name]) for name in imports})


def _module(tree: RepoMap, name: str, paths: list[str]) -> MappedFile:
    facts = [tree.files[path].facts for path in paths]
    languages = {one.language for one in facts}
    total = FileFacts(
        language=languages.pop() if len(languages) == 1 else "",
        lines=sum(one.lines for one in facts),
        tokens=sum(one.tokens for one in facts),
        complexity=sum(one.complexity for one in facts),
    )
    return MappedFile(path=name, content="", size=len(paths), facts=total)


def by_folder(tree: RepoMap) -> dict[str, str]:
    """Return, for each production file, the folder that it lies in."""
    return {path: folder_of(path) or _ROOT for path, _ in production(tree)}


def names_for(tree: RepoMap, paths: list[str], most: int) -> dict[str, str]:
    """Return, for each of the files, the module that stands for it.

    Once a folder is opened its name stands for the files right in it, and these are opened last.
    """
    opened = _open_folders(tree, paths, most)
    names = {path: _innermost(path, opened) for path in paths}
    held: dict[str, list[str]] = defaultdict(list)
    for path, name in names.items():
        held[name].append(path)
    count = len(held)
    for name, inside in sorted(held.items(), key=lambda found: (-_tokens(tree, found[1]), found[0])):
        flat = all((folder_of(path) or _ROOT) == name for path in inside)
        if flat and count + len(inside) - 1 <= most:
            count += len(inside) - 1
            names.update((path, path) for path in inside)
    return names


def _tokens(tree: RepoMap, paths: list[str]) -> int:
    return sum(tree.files[path].facts.tokens for path in paths)


def _open_folders(tree: RepoMap, paths: list[str], most: int) -> set[str]:
    """Return the folders that are modules of their own, with all in them that is in no other one."""
    below: dict[str, set[str]] = defaultdict(set)
    tokens: dict[str, int] = defaultdict(int)
    for path in paths:
        parts = path.split("/")[:-1]
        chain = [_ROOT, *("/".join(parts[: at + 1]) for at in range(len(parts)))]
        for folder, inner in pairwise(chain):
            below[folder].add(inner)
        for folder in chain:
            tokens[folder] += tree.files[path].facts.tokens
    opened: set[str] = set()
    shown = {_ROOT}

    def size(folder: str) -> tuple[int, str]:
        return tokens[folder], folder

    while candidates := [one for one in shown - opened if below[one] and len(shown) + len(below[one]) <= most]:
        largest = max(candidates, key=size)
        opened.add(largest)
        shown |= below[largest]
    if len(shown) <= most // 2 and (wide := [one for one in shown - opened if below[one]]):
        # It has too many folders for all of them: the small ones stay in it.
        inside = sorted(below[max(wide, key=size)], key=size, reverse=True)
        shown |= set(inside[: most - len(shown)])
    return shown


def _innermost(path: str, shown: set[str]) -> str:
    return next((folder for folder in upwards(folder_of(path)) if folder in shown), _ROOT)


def only_production(tree: RepoMap) -> RepoMap:
    """Return the map without test code."""
    files = dict(production(tree))
    imports = {
        path: kept
        for path, others in tree.imports.items()
        if path in files and (kept := tuple(other for other in others if other in files))
    }
    return replace(tree, files=files, imports=imports)
