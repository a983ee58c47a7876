"""Who defines a name, and which files refer to each other by it."""

import json

from hypothesis import given
from hypothesis import strategies as st

from fanfold.sources.repo_map import weave
from fanfold.sources.repo_map.definers import Named
from fanfold.sources.repo_map.facts import encode, facts_of
from fanfold.sources.repo_map.files import Files
from fanfold.sources.repo_map.reading import Reading
from fanfold.sources.repo_map.references import definers_in, redefine

NAMES = ["one", "two", "three", "four", "ab"]
# A file's language, and the names that it defines and uses.
SAID = st.tuples(st.sampled_from(["py", "js"]), st.sets(st.sampled_from(NAMES)), st.sets(st.sampled_from(NAMES)))
TREES = st.lists(SAID, min_size=1, max_size=12)


def files_of(tree):
    """Return the files of a tree, each named after its number."""
    readings = {}
    for at, (ending, defined, used) in enumerate(tree):
        lines = [*(f"{name} = 1" for name in sorted(defined)), *(f"use({name})" for name in sorted(used))]
        text = "".join(f"{line}\n" for line in lines)
        path = f"{at:02}.{ending}"
        readings[path] = Reading(text, len(text), None, encode(facts_of(path, text)))
    return Files(readings)


def known(definers):
    """Return who defines what, however it was written down."""
    return {(kind, name): list(who) for kind, named in definers.items() for name, who in named.items()}


@given(TREES, SAID, st.data())
def test_an_edit_is_as_if_it_had_always_been_so(tree, said, data):
    """Who defines what after an edit is what a new look would find, and the names of which that is news are told."""
    at = data.draw(st.integers(0, len(tree) - 1))
    edited = [*tree[:at], (tree[at][0], *said[1:]), *tree[at + 1 :]]
    files = files_of(edited)
    definers = definers_in(files_of(tree).values())
    if data.draw(st.booleans()):
        definers = {kind: Named(kept=named.row()) for kind, named in definers.items()}
    before = known(definers)
    news = redefine(definers, at, list(files.values())[at].facts)
    after = known(definers_in(files.values()))
    assert known(definers) == after
    assert news == {
        name for kind, name in before.keys() | after.keys() if before.get((kind, name)) != after.get((kind, name))
    }


@given(TREES)
def test_edges_come_back_as_they_were(tree):
    """From what is kept of them, each file's when it is asked for."""
    files = files_of(tree)
    woven = weave.weave(files, {}, None)
    again = weave.decode(weave.encode(woven))
    assert again is not None
    assert (again.imports, again.references, known(again.definers)) == (
        woven.imports,
        woven.references,
        known(woven.definers),
    )
    assert list(again.references) == list(woven.references)
    assert weave.decode(b"{}") is None


PARTS = st.text(" \x7f\n1a", min_size=1, max_size=4)


@given(
    st.dictionaries(PARTS, st.sets(st.integers(0, 130), min_size=1, max_size=3).map(sorted), max_size=150), st.data()
)
def test_names_are_found_in_what_was_kept(wanted, data):
    """Whatever signs they are made of; each of them, none but them, and those of each file; changed ones as changed."""
    named = Named(kept=json.loads(json.dumps(Named(wanted).row())))
    for name in data.draw(st.lists(PARTS, max_size=3)):
        wanted = {**wanted, name: data.draw(st.sets(st.integers(0, 130), max_size=2).map(sorted))}
        named.put(name, wanted[name])
    wanted = {name: numbers for name, numbers in wanted.items() if numbers}
    assert {name: list(numbers) for name, numbers in named.items()} == wanted
    asked = {*wanted, *data.draw(st.sets(PARTS, max_size=50))}
    assert {name: list(numbers) for name, numbers in named.used(asked)} == wanted
    for at in range(131):
        assert named.by(at) == {name for name, numbers in wanted.items() if at in numbers}
