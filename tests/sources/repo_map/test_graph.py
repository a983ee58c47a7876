"""The graph of a map: components, layers and PageRank are what their definitions say, for any graph."""

import math
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from fanfold.sources.repo_map import graph
from fanfold.sources.repo_map.values import FileFacts, MappedFile, RepoMap

FACTS = FileFacts("python", 1, 1)


def tree_of(edges, references=None):
    every = [*edges.items(), *(references or {}).items()]
    names = sorted({path for path, _ in every} | {other for _, out in every for other in out})
    return RepoMap(
        files={name: MappedFile(name, name, 1, FACTS) for name in names},
        imports={path: tuple(sorted(out)) for path, out in edges.items() if out},
        references=references or {},
    )


nodes = st.integers(0, 9).map(str)
graphs = st.dictionaries(nodes, st.sets(nodes, max_size=4), max_size=10).map(
    lambda edges: {path: out - {path} for path, out in edges.items()}
)


def reach(tree, start):
    seen, waiting = set(), [start]
    while waiting:
        for other in tree.imports.get(waiting.pop(), ()):
            if other not in seen:
                seen.add(other)
                waiting.append(other)
    return seen


@given(graphs)
def test_a_component_is_what_reaches_each_other(edges):
    """Two files are in one component exactly when each reaches the other."""
    tree = tree_of(edges)
    parts = graph.components(tree)
    assert sorted(path for part in parts for path in part) == sorted(tree.files)
    home = {path: part for part in parts for path in part}
    for one in tree.files:
        for other in reach(tree, one):
            assert (home[one] == home[other]) == (one in reach(tree, other))


@given(graphs, nodes)
def test_how_far_away_a_file_is(edges, start):
    """What can be reached has a distance, one more than that of the nearest which imports it."""
    tree = tree_of({**edges, start: edges.get(start, set())})
    found = graph.distances(tree.imports, [start])
    assert found.keys() == {start, *reach(tree, start)}
    importers = graph.importers(tree)
    for path in found.keys() - {start}:
        assert found[path] == 1 + min(found[other] for other in importers[path] if other in found)


@given(st.dictionaries(st.integers(0, 12), st.lists(st.integers(0, 12), max_size=4)))
def test_the_order_of_reading_is_one_of_the_condensation(uses):
    """Each node comes once, and after those it uses unless they reach it in turn."""
    order = graph.used_first(uses)
    assert sorted(order) == sorted(uses)
    place = {node: index for index, node in enumerate(order)}

    def reached(start: int) -> set[int]:
        seen, todo = set[int](), [start]
        while todo:
            for other in uses.get(todo.pop(), ()):
                if other in uses and other not in seen:
                    seen.add(other)
                    todo.append(other)
        return seen

    for node, others in uses.items():
        for other in others:
            if other in uses and node not in reached(other):
                assert place[other] < place[node]


@given(graphs)
def test_what_is_imported_comes_first(edges):
    """In the order of components, and in that of layers, nothing imports what comes after it, cycles apart."""
    tree = tree_of(edges)
    at = {path: number for number, part in enumerate(graph.components(tree)) for path in part}
    level = {path: number for number, layer in enumerate(graph.layers(tree)) for path in layer}
    assert level.keys() == set(tree.files)
    for path, out in tree.imports.items():
        for other in out:
            assert at[other] <= at[path]
            assert level[other] < level[path] or at[other] == at[path]


@given(graphs, st.dictionaries(nodes, st.floats(-1, 5), max_size=4))
def test_rank_is_a_distribution(edges, towards):
    """PageRank adds up to 1 whatever it is personalised to, and every file it walks from has some."""
    tree = tree_of(edges)
    rank = graph.central(tree, towards)
    assert rank.keys() == set(tree.files)
    if rank:
        assert math.isclose(sum(rank.values()), 1.0, rel_tol=1e-6)
    assert all(rank[path] > 0 for path, weight in towards.items() if weight > 1e-9 and path in rank)


@given(graphs, st.dictionaries(nodes, st.floats(0, 5), max_size=4))
def test_rank_is_where_a_walk_ends_up(edges, towards):
    """Each rank is what flows in by its definition: damped shares of those that lead here, and of starting again."""
    tree = tree_of(edges)
    rank = graph.central(tree, towards)
    paths = list(rank)
    wanted = {path: towards.get(path, 0) for path in paths}
    total = sum(wanted.values())
    start = {path: wanted[path] / total if total > 0 else 1 / len(paths) for path in paths}
    lost = sum(rank[path] for path in paths if not tree.imports.get(path))
    for path in paths:
        flows = sum(rank[other] / len(tree.imports[other]) for other in paths if path in tree.imports.get(other, ()))
        assert math.isclose(rank[path], 0.85 * (flows + lost * start[path]) + 0.15 * start[path], abs_tol=1e-5)


def test_rank_follows_the_question():
    """A file that what is asked about uses comes before one that is used elsewhere."""
    tree = tree_of({"a": {"b"}, "c": {"d"}}, {"a": {"e": 3.0}})
    near = graph.central(tree, {"a": 1.0})
    assert near["e"] > near["b"] > near["d"] == 0


def test_a_chain_as_long_as_a_large_tree_is_no_recursion():
    """Components of a chain of 50,000 files."""
    names = [f"{number:05}" for number in range(50_000)]
    tree = tree_of({one: {other} for one, other in pairwise(names)})
    assert len(graph.components(tree)) == len(graph.layers(tree)) == 50_000


def test_importers_turn_the_edges_around():
    """Who imports a file, in order; a file that nobody imports has no entry."""
    assert graph.importers(tree_of({"b": {"c"}, "a": {"c"}})) == {"c": ("a", "b")}


def test_cycles_come_largest_first():
    """A component of more than one file is a cycle."""
    tree = tree_of({"a": {"b"}, "b": {"a"}, "x": {"y"}, "y": {"z"}, "z": {"x"}})
    assert graph.cycles(tree) == (("x", "y", "z"), ("a", "b"))
