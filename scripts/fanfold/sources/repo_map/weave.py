"""The edges of a map, those of an earlier one taken over where nothing that they depend on has changed.

What a file imports depends on itself, on which files there are, and for some languages on what those define. What it
refers to depends on itself and on who defines the names that it uses. So after an edit, the edges of the edited file
are looked up anew, and those of the files that use a name which the edit brought or took.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise

from fanfold.sources.repo_map.definers import MARK, Named
from fanfold.sources.repo_map.files import Files
from fanfold.sources.repo_map.graph import shape
from fanfold.sources.repo_map.references import Definers, definers_in, redefine, reference_edges, references_of
from fanfold.sources.repo_map.resolve import LOOKED_INTO, import_edges
from fanfold.sources.repo_map.values import Parts

_MOST_CHANGED = 64  # files, or names: with more of them, looking up everything is as fast
_WORTH_KEEPING = 16  # files changed since: fewer are looked up again each time

Imports = dict[str, tuple[str, ...]]


class References(Mapping[str, Mapping[str, float]]):
    """The references of files by path; a row that was kept is decoded when somebody asks for it, which few do.

    A row is JSON: numbers of files, in order of `paths`, and weights.
    """

    def __init__(self, paths: Sequence[str], rows: Mapping[str, bytes | dict[str, float]]) -> None:
        self._paths = paths
        self._rows = dict(rows)

    def __getitem__(self, path: str) -> dict[str, float]:
        row = self._rows[path]
        if isinstance(row, bytes):
            others, weights = json.loads(row)
            row = self._rows[path] = dict(zip(map(self._paths.__getitem__, others), weights, strict=True))
        return row

    def replaced(self, rows: Mapping[str, dict[str, float]]) -> References:
        """Return these with others for some files; an empty one is none."""
        found = {path: row for path, row in {**self._rows, **rows}.items() if row}
        return References(self._paths, {path: found[path] for path in self._paths if path in found})

    def __iter__(self) -> Iterator[str]:
        return iter(self._rows)

    def __len__(self) -> int:
        return len(self._rows)

    def __eq__(self, other: object) -> bool:
        return dict(self) == dict(other) if isinstance(other, Mapping) else NotImplemented

    __hash__ = None  # type: ignore[assignment]  # as of every mapping that is compared by what it holds


@dataclass(frozen=True, slots=True)
class Woven:
    """The edges of a tree, and the `contents` and `manifests` that they were made of, and their `shape`.

    `fresh` says that making them again takes longer than keeping them. `vocabulary` has all names that some file uses,
    and perhaps others, each between marks.
    """

    imports: Imports
    references: References
    definers: Definers
    contents: Mapping[str, str]
    manifests: str
    vocabulary: str
    shape: tuple[Parts, Parts]
    fresh: bool = True


def weave(files: Files, manifests: Mapping[str, str], before: Woven | None) -> Woven:
    """Return the edges between files; `before` are those of an earlier map of the same tree."""
    contents = files.contents()
    said = json.dumps(manifests, sort_keys=True)
    if before is None or before.manifests != said or before.contents.keys() != contents.keys():
        return _anew(files, manifests, contents, said)
    changed = [path for path, content in contents.items() if before.contents[path] != content]
    if len(changed) > _MOST_CHANGED or any(path.endswith(LOOKED_INTO) for path in changed):
        return _anew(files, manifests, contents, said)
    return _again(files, manifests, before, contents, changed) or _anew(files, manifests, contents, said)


def _anew(files: Files, manifests: Mapping[str, str], contents: Mapping[str, str], said: str) -> Woven:
    definers = definers_in(files.values())
    references = References(list(contents), reference_edges(files, definers))
    vocabulary = _words(set().union(*(file.facts.uses for file in files.values())))
    imports = import_edges(files, manifests)
    return Woven(imports, references, definers, contents, said, vocabulary, shape(files, imports))


def _again(
    files: Files, manifests: Mapping[str, str], before: Woven, contents: Mapping[str, str], changed: Collection[str]
) -> Woven | None:
    """Look up what has changed; None when that is nearly everything."""
    definers, paths = before.definers, list(before.contents)
    number = {path: at for at, path in enumerate(paths)}
    names: set[str] = set()
    for path in changed:
        names |= redefine(definers, number[path], files[path].facts)
    if len(names) > _MOST_CHANGED:
        return None
    fresh = import_edges(files, manifests, of=changed)
    imports = before.imports
    if fresh != {path: imports[path] for path in changed if path in imports}:
        found = {path: out for path, out in imports.items() if path not in changed} | fresh
        imports = {path: found[path] for path in paths if path in found}
    anew = {*changed, *files.using([name for name in names if _words((name,)) in before.vocabulary])}
    return Woven(
        imports=imports,
        references=before.references.replaced(
            {path: references_of(number[path], files[path].facts, definers, paths) for path in anew}
        ),
        definers=definers,
        contents=contents,
        manifests=before.manifests,
        vocabulary=before.vocabulary + _words(set().union(*(files[path].facts.uses for path in changed))),
        shape=before.shape if imports is before.imports else shape(files, imports),
        fresh=len(changed) >= _WORTH_KEEPING,
    )


def _words(names: Iterable[str]) -> str:
    return f"{MARK}{MARK.join(names)}{MARK}"


def encode(woven: Woven) -> bytes:
    """Return a line of JSON, in which a file is its number, texts that are searched, and lines of references."""
    number = {path: at for at, path in enumerate(woven.contents)}
    rows = [([number[other] for other in out], list(out.values())) for out in woven.references.values()]
    named = {kind: named.row() for kind, named in woven.definers.items()}
    texts = [_words(dict.fromkeys(woven.vocabulary[1:-1].split(MARK))), *(text for text, *_ in named.values())]
    parts = [text.encode("utf-8", "surrogatepass") for text in texts]
    about = {
        "contents": woven.contents,
        "manifests": woven.manifests,
        "imports": [(number[path], [number[other] for other in out]) for path, out in woven.imports.items()],
        "components": [
            number[part[0]] if len(part) == 1 else [number[path] for path in part] for part in woven.shape[0]
        ],
        "layers": [[number[path] for path in layer] for layer in woven.shape[1]],
        "definers": {kind: rest for kind, (_, *rest) in named.items()},
        "lengths": [*map(len, parts)],
        "referring": [number[path] for path in woven.references],
    }
    head, *lines = (
        json.dumps(row, separators=(",", ":"), ensure_ascii=False).encode("utf-8", "surrogatepass")
        for row in (about, *rows)
    )
    return b"".join((head, b"\n", *parts, b"\n".join(lines)))


def decode(data: bytes) -> Woven | None:
    """Return the edges that were encoded, None for anything else."""
    try:
        start = data.index(b"\n") + 1
        row = json.loads(data[:start].decode("utf-8", "surrogatepass"))
        places = [*accumulate(row["lengths"], initial=start)]
        vocabulary, *texts = (str(data[at:end], "utf-8", "surrogatepass") for at, end in pairwise(places))
        rows = data[places[-1] :].split(b"\n") if row["referring"] else ()
        paths = list(row["contents"])
        path = paths.__getitem__
        return Woven(
            imports={path(at): tuple(map(path, out)) for at, out in row["imports"]},
            references=References(paths, dict(zip(map(path, row["referring"]), rows, strict=True))),
            definers={
                kind: Named(kept=(text, *rest))
                for text, (kind, rest) in zip(texts, row["definers"].items(), strict=True)
            },
            contents=row["contents"],
            manifests=row["manifests"],
            vocabulary=vocabulary,
            shape=(
                tuple([(path(at),) if isinstance(at, int) else tuple(map(path, at)) for at in row["components"]]),
                tuple(tuple(map(path, layer)) for layer in row["layers"]),
            ),
        )
    except (ValueError, TypeError, KeyError, IndexError, AttributeError):
        return None
