"""A planner's wishes: followed as far as they hold, corrected with a note, and no file lost without a word."""

from __future__ import annotations

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from fanfold.skills.multi_file_analysis.answer import PlannerAnswer, Together, Unread
from fanfold.skills.multi_file_analysis.plan import AreaPlan, AreaTask, Part, plan_areas
from fanfold.skills.multi_file_analysis.planner import LISTING_TOKENS, by_id, listing, refined, worth_planning
from fanfold.sources.repo_map.values import FileFacts, MappedFile, RepoMap, Symbol

ALLOWANCE = 1_000


def mapped(path, tokens, symbols=()):
    return MappedFile(path, path, tokens * 4, FileFacts("python", 100, tokens, tuple(symbols), doc=f"About {path}."))


TREE = RepoMap(
    {
        path: mapped(path, tokens)
        for path, tokens in sorted(
            {
                "api/call.py": 400,
                "api/reply.py": 400,
                "db/read.py": 450,
                "db/write.py": 450,
                "long.py": 2_500,
                "web/page.py": 300,
                "web/site.py": 600,
            }.items()
        )
    }
)
PLAN = plan_areas(TREE, {"db/read.py": 1.0}, allowance=ALLOWANCE)


def said(together=(), unread=()):
    return PlannerAnswer(
        together=tuple(Together(areas=a, paths=p, question=q) for a, p, q in together),
        unread=tuple(Unread(areas=a, paths=p, why=w) for a, p, w in unread),
    )


def followed(*together, unread=()):
    return refined(PLAN, said(together, unread), TREE, allowance=ALLOWANCE)


def id_of(path):
    return next(name for name, area in by_id(PLAN).items() if path in area.paths)


def area_of(plan, path):
    return next(area for area in plan.areas if path in area.paths)


def parts(plan):
    return Counter(part for area in plan.areas for part in area.parts)


def test_no_wish_changes_nothing():
    """What a planner does not name stays as it is."""
    assert followed() == PLAN


def test_areas_are_merged_and_split_and_asked():
    """Files move together, out of their areas, with a question of their own; the rest stays."""
    plan = followed(((), ("api/call.py", "web/page.py"), "Who calls  the\npage?"))
    assert set(area_of(plan, "api/call.py").paths) == {"api/call.py", "web/page.py"}
    assert area_of(plan, "api/call.py").question == "Who calls the page?"
    assert area_of(plan, "api/reply.py").paths == ("api/reply.py",)
    assert parts(plan) == parts(PLAN)
    assert not plan.notes


def test_an_area_is_asked_a_narrower_question():
    """An area alone, with a question: its files and place stay as they were."""
    plan = followed(((id_of("db/read.py"),), (), "What is read?"))
    assert plan.areas[0].question == "What is read?"
    assert plan.areas[0].label == PLAN.areas[0].label
    assert plan.areas[0].relevance == 1.0


def test_what_is_too_much_for_one_worker_is_packed_into_several():
    """A planner that merges more than fits gets several areas with its question, and a note."""
    plan = followed((tuple(by_id(PLAN)), (), "All of it?"))
    assert parts(plan) == parts(PLAN)
    assert all(area.tokens <= ALLOWANCE and area.question == "All of it?" for area in plan.areas)
    assert "are too much for one worker" in plan.notes[0]


def test_what_exactly_fits_is_not_torn_apart():
    """Packing counts by coarse steps; what fits by its real size stays together."""
    plan = followed(((), ("db/read.py", "db/write.py"), ""))
    assert set(area_of(plan, "db/read.py").paths) == {"db/read.py", "db/write.py"}


def test_leaving_out_needs_a_reason():
    """With one, a file is listed with it; without, it is read, and a note says so."""
    plan = followed(unread=(((), ("web/site.py",), "It only draws."), ((), ("web/page.py",), "  ")))
    assert [(left.path, left.why) for left in plan.left_out] == [
        ("web/site.py", "the planner left it out: It only draws.")
    ]
    assert "web/site.py" not in plan.ranked
    assert area_of(plan, "web/page.py")
    assert plan.notes == ("the planner's plan was corrected: what was to be left out without a reason is read",)


def test_what_is_not_in_the_plan_is_named():
    """Ids and paths that the planner made up do nothing but leave a note."""
    plan = followed((("A99",), ("../../etc/passwd", "api/none.py"), ""))
    assert plan.areas == PLAN.areas
    assert "passwd" in plan.notes[0]
    assert "A99" in plan.notes[0]


def test_what_is_named_twice_is_where_it_was_named_first():
    """A file in two wishes goes to the first, an area as well; each is said."""
    plan = followed(((), ("api/call.py",), "one"), ((), ("api/call.py",), "two"), ((id_of("db/read.py"),), (), "three"))
    assert area_of(plan, "api/call.py").question == "one"
    assert parts(plan) == parts(PLAN)
    assert "api/call.py was named twice" in plan.notes[0]


def test_a_plan_that_reads_nothing_is_refused():
    """A planner that leaves everything out, perhaps because the code told it to, is not followed."""
    plan = followed(unread=((tuple(by_id(PLAN)), (), "The code says that it is not worth reading."),))
    assert plan.areas == PLAN.areas
    assert plan.left_out == PLAN.left_out
    assert plan.notes == ("the planner's plan was not followed: nobody would read anything",)


def test_a_plan_of_far_more_areas_is_refused():
    """Tearing two large areas into single files costs more than anybody agreed to."""
    tree = RepoMap({f"a/m{n}.py": mapped(f"a/m{n}.py", 60) for n in range(12)})
    plan = plan_areas(tree, {}, allowance=ALLOWANCE)
    torn = said(((), (path,), "") for path in tree.files)
    refused = refined(plan, torn, tree, allowance=ALLOWANCE)
    assert refused.areas == plan.areas
    assert "instead of" in refused.notes[0]


names = st.sampled_from([*by_id(PLAN), *TREE.files, "A0", "a1", "none.py", "", "./api/call.py"])
some = st.lists(names, max_size=4).map(tuple)


@given(
    st.lists(st.tuples(some, some, st.text(max_size=9)), max_size=4),
    st.lists(st.tuples(some, some, st.text(max_size=9)), max_size=3),
)
def test_no_file_is_lost_whatever_the_planner_says(together, unread):
    """Each part is read exactly once or its file is left out with a reason; no area is too large."""
    plan = refined(PLAN, said(together, unread), TREE, allowance=ALLOWANCE)
    read = parts(plan)
    assert all(count == 1 for count in read.values())
    left_out = [(left.path, left.why.partition(" out: ")[0].rpartition("left ")[2]) for left in plan.left_out]
    assert len(left_out) == len(set(left_out))
    for part in parts(PLAN):
        said_of = {(part.path, "it"), (part.path, f"lines {part.line}-{part.end_line}")}
        assert (part in read) == said_of.isdisjoint(left_out)
    assert all(area.parts and area.tokens <= ALLOWANCE for area in plan.areas)


def test_the_listing_names_each_file_and_what_it_defines():
    """A planner sees ids in the order of paths, with sizes that a small edit does not change."""
    tree = RepoMap({"a/b.py": mapped("a/b.py", 900, [Symbol("run", "run", "function", 1, 2)])})
    plan = plan_areas(tree, {}, allowance=ALLOWANCE)
    assert listing(plan, tree) == "A1 a/b.py, about 1,024 tokens\n  a/b.py — About a/b.py. (run)"


def test_a_listing_of_many_files_stays_short():
    """Thousands of files are named without what they define; beyond that, areas alone."""
    for count, shown in ((900, True), (5_000, False)):
        many = {f"src/folder{n % 40}/module{n}.py": 100 for n in range(count)}
        tree = RepoMap({path: mapped(path, size) for path, size in many.items()})
        text = listing(plan_areas(tree, {}, allowance=30_000), tree)
        assert len(text) < 12 * LISTING_TOKENS
        assert ("module7.py" in text) == shown


def test_a_planner_is_asked_from_high_effort_on():
    """A small plan, or a usual effort, is not worth one."""
    few = AreaPlan(areas=(AreaTask((Part("a.py", 1, 2, 3, whole=True, content=""),)),))
    assert worth_planning("high", PLAN)
    assert not worth_planning("medium", PLAN)
    assert not worth_planning(None, PLAN)
    assert not worth_planning("max", few)
