"""The edges of a map, those of an earlier one taken over where nothing that they depend on has changed.

What a file imports depends on itself, on which files there are, and for some languages on what those define. What it
refers to depends on itself and on who defines the names that it uses. So after an edit, the edges of the edited file
are looked up anew, and those of the files that use a name which the edit brought or took.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from fanfold.sources.repo_map.files import Files
from fanfold.sources.repo_map.references import Definers, definers_in, redefine, reference_edges, references_of
from fanfold.sources.repo_map.resolve import LOOKED_INTO, import_edges

_MOST_CHANGED = 64  # files, or names: with more of them, looking up everything is as fast
_WORTH_KEEPING = 16  # files changed since: fewer are looked up again each time

Imports = dict[str, tuple[str, ...]]
References = dict[str, dict[str, float]]


@dataclass(frozen=True, slots=True)
class Woven:
    """The edges of a tree, and the `contents` and `manifests` that they were made of.

    `fresh` says that making them again takes longer than keeping them.
    """

    imports: Imports
    references: References
    definers: Definers
    contents: Mapping[str, str]
    manifests: str
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
    return _again(files, manifests, before, changed) or _anew(files, manifests, contents, said)


def _anew(files: Files, manifests: Mapping[str, str], contents: Mapping[str, str], said: str) -> Woven:
    definers = definers_in(files.values())
    return Woven(import_edges(files, manifests), reference_edges(files, definers), definers, contents, said)


def _again(files: Files, manifests: Mapping[str, str], before: Woven, changed: Collection[str]) -> Woven | None:
    """Look up what has changed; None when that is nearly everything."""
    definers = before.definers
    names: set[str] = set()
    for path in changed:
        names |= redefine(definers, files[path])
    if len(names) > _MOST_CHANGED:
        return None
    fresh = import_edges(files, manifests, of=changed)
    imports = {path: before.imports[path] for path in before.imports if path not in changed} | fresh
    references = dict(before.references)
    for path in {*changed, *files.using(names)}:
        references.pop(path, None)
        if weights := references_of(files[path], definers):
            references[path] = weights
    return Woven(
        imports={path: imports[path] for path in files if path in imports},
        references={path: references[path] for path in files if path in references},
        definers=definers,
        contents=files.contents(),
        manifests=before.manifests,
        fresh=len(changed) >= _WORTH_KEEPING,
    )


def encode(woven: Woven) -> bytes:
    """Return edges as JSON, in which a file is its number."""
    number = {path: at for at, path in enumerate(woven.contents)}
    row = {
        "contents": woven.contents,
        "manifests": woven.manifests,
        "imports": [[number[path], [number[other] for other in out]] for path, out in woven.imports.items()],
        "references": [
            [number[path], [number[other] for other in out], list(out.values())]
            for path, out in woven.references.items()
        ],
        "definers": {
            kind: {name: [number[path] for path in paths] for name, paths in named.items()}
            for kind, named in woven.definers.items()
        },
    }
    return json.dumps(row, separators=(",", ":"), ensure_ascii=False).encode("utf-8", "surrogatepass")


def decode(data: bytes) -> Woven | None:
    """Return the edges that were encoded, None for anything else."""
    try:
        row = json.loads(data.decode("utf-8", "surrogatepass"))
        path = list(row["contents"]).__getitem__
        return Woven(
            imports={path(at): tuple(map(path, out)) for at, out in row["imports"]},
            references={path(at): dict(zip(map(path, out), ws, strict=True)) for at, out, ws in row["references"]},
            definers={
                kind: {name: list(map(path, paths)) for name, paths in named.items()}
                for kind, named in row["definers"].items()
            },
            contents=row["contents"],
            manifests=row["manifests"],
        )
    except (ValueError, TypeError, KeyError, IndexError, AttributeError):
        return None
