"""Who reads what: every line once, related files together, and an edit that moves little."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fanfold.skills.multi_file_analysis.plan import AreaPlan, plan_areas, split_file
from fanfold.sources.repo_map.values import FileFacts, LeftOut, MappedFile, RepoMap, Symbol


def mapped(path: str, tokens: int = 100, lines: int = 10, symbols: Iterable[Symbol] = ()) -> MappedFile:
    facts = FileFacts("python", lines, tokens, tuple(symbols))
    return MappedFile(path, f"{path}#{tokens}", tokens * 4, facts)


def a_map(
    *files: MappedFile, imports: Mapping[str, tuple[str, ...]] | None = None, left_out: tuple[LeftOut, ...] = ()
) -> RepoMap:
    return RepoMap({f.path: f for f in sorted(files, key=lambda f: f.path)}, left_out=left_out, imports=imports or {})


def groups(plan: AreaPlan) -> set[tuple[str, ...]]:
    return {tuple(sorted(part.shown for part in area.parts)) for area in plan.areas}


names = st.text("abc/", min_size=1, max_size=8).map(lambda text: "/".join(filter(None, text.split("/")))).filter(bool)
files = st.lists(
    st.builds(
        mapped,
        names,
        st.integers(0, 3_000),
        st.integers(1, 400),
        st.lists(
            st.builds(lambda a, n: Symbol("f", "f", "function", a, a + n), st.integers(1, 400), st.integers(0, 99))
        ),
    ),
    unique_by=lambda file: file.path,
    max_size=25,
)


@given(files, st.data())
def test_every_line_is_read_once_or_named(held, data):
    """Every line of every file is in exactly one part, or its file is left out and says why; no area is too large."""
    allowance = data.draw(st.integers(17, 4_000))
    budget = data.draw(st.none() | st.integers(0, 20_000))
    relevance = {file.path: data.draw(st.floats(0, 1)) for file in held}
    paths = [file.path for file in held]
    imports = {path: tuple(data.draw(st.lists(st.sampled_from(paths), max_size=3))) for path in paths}
    plan = plan_areas(a_map(*held, imports=imports), relevance, allowance=allowance, budget=budget)

    lines: dict[str, list[int]] = {}
    for area in plan.areas:
        assert area.parts
        assert area.tokens <= allowance
        for part in area.parts:
            lines.setdefault(part.path, []).extend(range(part.line, part.end_line + 1))
    left_out = {left.path: left.why for left in plan.left_out}
    assert budget is None or plan.tokens <= budget
    for file in held:
        read = sorted(lines.get(file.path, []))
        assert read == list(range(1, len(read) + 1)), "no line twice, no gap"
        assert (len(read) == file.facts.lines) != (file.path in left_out)
    assert all(left_out.values())
    assert sorted(plan.ranked) == sorted(lines)


@given(files, st.randoms())
def test_the_order_in_which_files_came_makes_no_difference(held, random):
    """The same tree gives the same plan, whatever the order of the map's files."""
    turned = list(held)
    random.shuffle(turned)
    one = plan_areas(RepoMap({file.path: file for file in held}), {}, allowance=2_000)
    assert one == plan_areas(RepoMap({file.path: file for file in turned}), {}, allowance=2_000)


def tree(edited: Mapping[str, int] | None = None) -> RepoMap:
    """600 files in 40 folders that import across them."""
    sizes = {f"pkg{n % 8}/sub{n % 40}/m{n}.py": 200 + (n * 7919) % 3_000 for n in range(600)}
    sizes.update(edited or {})
    paths = sorted(sizes)
    imports = {path: tuple(paths[(at * k + 11) % len(paths)] for k in (3, 5)) for at, path in enumerate(paths)}
    return a_map(*(mapped(path, size) for path, size in sizes.items()), imports=imports)


@pytest.mark.parametrize("grown", [1, 40, 400])
def test_an_edit_elsewhere_leaves_most_areas_as_they_were(grown):
    """An edit that makes one file longer changes a few areas of some forty, at every place of the tree."""
    before = groups(plan_areas(tree(), {}, allowance=30_000))
    for path, file in list(tree().files.items())[::60]:
        after = groups(plan_areas(tree({path: file.facts.tokens + grown}), {}, allowance=30_000))
        assert len(after - before) <= 3


def test_a_new_file_leaves_most_areas_as_they_were():
    """A file that is added changes a few areas only, although every later file has another position."""
    base = tree()
    before = groups(plan_areas(base, {}, allowance=30_000))
    for new in ("a.py", "pkg3/sub11/added.py", "pkg5/sub5/zz.py", "zz/new.py"):
        grown = RepoMap({**base.files, new: mapped(new, 900)}, imports=base.imports)
        after = groups(plan_areas(grown, {}, allowance=30_000))
        assert len(after - before) <= 4


def test_files_that_use_each_other_are_read_together():
    """In a folder that is too large for one area, files that import each other share one."""
    held = [mapped(f"app/{name}.py", 400) for name in "abcdefgh"]
    plan = plan_areas(a_map(*held, imports={"app/a.py": ("app/h.py",), "app/d.py": ("app/f.py",)}), {}, allowance=1_100)
    assert any({"app/a.py", "app/h.py"} <= set(area.paths) for area in plan.areas)
    assert any({"app/d.py", "app/f.py"} <= set(area.paths) for area in plan.areas)


def test_a_small_folder_is_one_area_with_its_name():
    """A folder that fits is read by one unit, which bears its name."""
    held = [mapped(f"db/models/m{n}.py", 400) for n in range(12)]
    others = [mapped(f"web/{n}/m{n}.py", 4_000) for n in range(12)]
    plan = plan_areas(a_map(*held, *others), {}, allowance=6_000)
    assert "db/models (12 files)" in [area.label for area in plan.areas]


def test_labels_tell_areas_apart():
    """Areas of one folder are told apart by their first and last files."""
    plan = plan_areas(a_map(*(mapped(f"lib/m{n:02}.py", 400) for n in range(20))), {}, allowance=1_400)
    found = [area.label for area in plan.areas]
    assert len(set(found)) == len(found)
    assert all(label.startswith("lib: m") for label in found)


def test_what_is_used_is_read_before_what_uses_it():
    """Parts of an area come in the order of the condensation; a cycle does no harm."""
    imports = {"a.py": ("b.py",), "b.py": ("c.py",), "c.py": ("b.py", "d.py")}
    (area,) = plan_areas(a_map(*(mapped(f"{n}.py") for n in "abcd"), imports=imports), {}, allowance=5_000).areas
    assert area.paths.index("d.py") < area.paths.index("c.py")
    assert area.paths[-1] == "a.py"


def test_areas_come_most_relevant_first_and_else_in_order_of_use():
    """What a question is about comes first; without a question, what is used before what uses it."""
    held = a_map(*(mapped(f"{n}/x.py", 900) for n in "abc"), imports={"a/x.py": ("b/x.py",), "b/x.py": ("c/x.py",)})
    assert [a.paths for a in plan_areas(held, {}, allowance=1_000).areas] == [("c/x.py",), ("b/x.py",), ("a/x.py",)]
    asked = plan_areas(held, {"b/x.py": 0.9, "a/x.py": 0.1}, allowance=1_000)
    assert [area.paths[0] for area in asked.areas] == ["b/x.py", "a/x.py", "c/x.py"]
    assert asked.ranked == ("b/x.py", "a/x.py", "c/x.py")


def test_a_budget_goes_to_the_most_relevant_and_names_the_rest():
    """A budget is given out by relevance; every other file is named with the figure that it is beyond."""
    held = a_map(*(mapped(f"{n}.py", 900) for n in "abc"), left_out=(LeftOut("x.png", "binary"),))
    plan = plan_areas(held, {"b.py": 1.0, "c.py": 0.5}, allowance=5_000, budget=2_000)
    assert plan.ranked == ("b.py", "c.py")
    assert [(left.path, left.why) for left in plan.left_out] == [
        ("x.png", "binary"),
        ("a.py", "beyond the 2,000 tokens that may be read: others are more relevant"),
    ]


def test_a_file_beyond_the_budget_is_read_as_far_as_it_reaches():
    """A long file that is the most relevant one is read from its beginning, and the lines left out are named."""
    plan = plan_areas(a_map(mapped("long.py", 10_000, lines=1_000)), {"long.py": 1}, allowance=1_016, budget=2_100)
    assert [part.shown for area in plan.areas for part in area.parts] == ["long.py:1-100", "long.py:101-200"]
    assert plan.left_out[0].why == "lines 201-1000 are beyond the 2,100 tokens that may be read"


def test_of_long_data_the_beginning_is_read():
    """A dump would take the whole budget and say nothing; the most relevant file is read to its end, whatever it is."""
    dump = MappedFile("dump.sql", "1", 40_000, FileFacts("sql", 1_000, 10_000))
    held = a_map(mapped("a.py"), dump, mapped("b.py"))
    plan = plan_areas(held, {"a.py": 1.0, "dump.sql": 0.9, "b.py": 0.1}, allowance=1_016, budget=100_000)
    assert {part.shown for area in plan.areas for part in area.parts} == {"a.py", "b.py", "dump.sql:1-100"}
    assert [(left.path, left.why) for left in plan.left_out] == [("dump.sql", "lines 101-1000 are more of its data")]
    first = plan_areas(held, {"dump.sql": 1.0}, allowance=1_016, budget=100_000)
    everything = plan_areas(held, {"a.py": 1.0}, allowance=1_016)
    assert not first.left_out
    assert not everything.left_out


def test_a_long_file_is_split_before_definitions():
    """A file that is too long for one unit is cut where a definition begins, an outer one rather than an inner."""
    symbols = [
        Symbol("A", "A", "class", 1, 70),
        Symbol("f", "A.f", "method", 60, 70),
        Symbol("B", "B", "class", 71, 200),
    ]
    parts = split_file(mapped("m.py", 2_000, lines=200, symbols=symbols), 1_016)
    assert [(part.line, part.end_line) for part in parts] == [(1, 70), (71, 170), (171, 200)]
    assert not any(part.whole for part in parts)


def test_lines_that_are_longer_than_an_area_are_named():
    """A file of one endless line can't be split and says so; an empty file is not worth a unit."""
    plan = plan_areas(a_map(mapped("min.js", 90_000, lines=2), mapped("empty.py", 0, lines=0)), {}, allowance=30_000)
    assert not plan.areas
    assert [left.why for left in plan.left_out] == ["empty", "one of its lines alone is longer than a unit may be"]


def test_an_allowance_that_holds_nothing_is_refused():
    """An allowance that is less than what a part costs beside its text is a mistake, not an endless loop."""
    with pytest.raises(ValueError, match="an allowance of 3 tokens holds no file"):
        plan_areas(a_map(mapped("a.py")), {}, allowance=3)


def test_deep_folders_and_long_chains_need_no_deep_recursion():
    """A path of thousands of folders, and imports in a chain of thousands, are planned like any other."""
    chain = {f"m{n}.py": (f"m{n + 1}.py",) for n in range(5_000)}
    held = [mapped(f"m{n}.py") for n in range(5_001)] + [mapped("d/" * 3_000 + "x.py")]
    plan = plan_areas(a_map(*held, imports=chain), {}, allowance=30_000)
    assert len(plan.ranked) == 5_002
