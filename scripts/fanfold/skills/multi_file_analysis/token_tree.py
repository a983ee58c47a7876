"""Where the tokens of a tree are, before any is spent: folders and large files, folded to what matters."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from heapq import heappop, heappush

from fanfold.sources.repo_map.values import RepoMap
from fanfold.sources.text import counted, printable

LINES = 30
_LEAST_SHARE = 0.01  # of all tokens: what has less is folded into the line that counts the rest


@dataclass(slots=True)
class _Node:
    """A folder or file; `shown` are the children that have lines of their own, None while the folder is folded."""

    name: str
    tokens: int = 0
    files: int = 0
    children: dict[str, _Node] = field(default_factory=dict)
    shown: list[_Node] | None = None

    @property
    def ordered(self) -> list[_Node]:
        return sorted(self.children.values(), key=lambda node: (-node.tokens, node.name))


def token_tree(tree: RepoMap, *, lines: int = LINES) -> str:
    """Return the tree as text: tokens, share of all, files, name; at most about `lines` lines, largest first.

    The largest folders are opened first, as long as there is room. What is left out of a folder is one line that adds
    up its tokens, so that the lines below a folder always come to its own figure.
    """
    root = _grown(tree)
    _open(root, lines)
    rows = [(root, f"{printable(root.name)}/" if root.name else ".", ""), *_rows(root, "")]
    width = max(len(f"{node.tokens:,}") for node, _, _ in rows)
    counts = max(len(f"{node.files:,}") for node, _, _ in rows)
    total = root.tokens or 1
    return "".join(
        f"{node.tokens:>{width},} {100 * node.tokens / total:5.1f} % {node.files:>{counts},}  {branch}{name}\n"
        for node, name, branch in rows
    )


def _grown(tree: RepoMap) -> _Node:
    root = _Node("")
    for path, file in tree.files.items():
        node = root
        for name in (*path.split("/"), None):
            node.tokens += file.facts.tokens
            node.files += 1
            if name is not None:
                node = node.children.setdefault(name, _Node(name))
    return root


def _open(root: _Node, lines: int) -> None:
    """Open the largest folder that is still folded, again and again, until the lines are used up."""
    left = lines - 1
    waiting = [(-root.tokens, 0, root)]
    number = 0
    while waiting:
        _, _, node = heappop(waiting)
        _skip_to_a_fork(node)
        children = node.ordered
        shown = [child for child in children if child.tokens >= _LEAST_SHARE * root.tokens] or children[:1]
        if len(children) - len(shown) == 1:
            shown = children  # one more line either way
        needed = len(shown) + (len(shown) < len(children))
        if needed > left and node is not root:
            continue
        node.shown = shown[: max(1, left)]
        left -= needed
        for child in node.shown:
            if child.children:
                number += 1
                heappush(waiting, (-child.tokens, number, child))


def _skip_to_a_fork(node: _Node) -> None:
    """Give a folder that holds nothing but one folder the name of both."""
    while len(node.children) == 1:
        (only,) = node.children.values()
        if not only.children:
            return
        node.name = f"{node.name}/{only.name}" if node.name else only.name
        node.children = only.children


def _rows(node: _Node, indent: str) -> Iterator[tuple[_Node, str, str]]:
    """Yield what stands below a node: node, what to call it, and the branch it hangs on."""
    shown = node.shown or []
    others = [child for child in node.children.values() if all(child is not one for one in shown)]
    for child in shown:
        last = child is shown[-1] and not others
        yield child, f"{printable(child.name)}{'/' if child.children else ''}", f"{indent}{'└─ ' if last else '├─ '}"
        yield from _rows(child, f"{indent}{'   ' if last else '│  '}")
    if node.shown is not None and others:
        rest = _Node("", sum(child.tokens for child in others), sum(child.files for child in others))
        yield rest, f"and {counted(len(others), 'other')}", f"{indent}└─ "
