"""Large changes in parts: everything once, related files together, nothing over the allowance."""

from hypothesis import given
from hypothesis import strategies as st

from fanfold.skills.code_review.parts import split
from fanfold.skills.code_review.view import FileView


def view(path, tokens=10):
    return FileView(path, f"=== {path} ===\n" + "x\n" * tokens, tokens)


def paths(parts):
    return [list(part.paths) for part in parts]


@given(st.lists(st.integers(1, 50), max_size=30), st.integers(1, 100))
def test_packing_covers_each_file_once(sizes, allowance):
    """Every line is in exactly one part, and a part over the allowance holds no more than a single line's worth."""
    views = [FileView(f"d{n % 3}/f{n:02}.py", "h\n" + "x" * 2 * size, size) for n, size in enumerate(sizes)]
    parts = split(views, allowance, lambda _path: None)
    held = [one.path for part in parts for one in part.views]
    assert sorted(set(held)) == sorted(one.path for one in views)
    assert sum(one.text.count("x") for part in parts for one in part.views) == sum(2 * size for size in sizes)
    for part in parts:
        assert len(part.views) == 1 or sum(one.tokens for one in part.views) <= allowance
        assert part.count == len(parts)


def test_the_order_of_files_does_not_matter_much():
    """The same files give the same parts, run after run."""
    views = [view(f"a/{n}.py") for n in range(9)]
    assert paths(split(views, 30, lambda _: None)) == paths(split(views, 30, lambda _: None))


def test_a_test_is_read_with_its_subject():
    """By name, across folders and languages' conventions."""
    views = [view("src/a.py"), view("src/orders.py"), view("tests/test_a.py"), view("tests/test_orders.py")]
    assert paths(split(views, 20, lambda _: None)) == [
        ["src/a.py", "tests/test_a.py"],
        ["src/orders.py", "tests/test_orders.py"],
    ]
    pair = [view("web/cart.test.ts"), view("lib/zebra.ts"), view("web/cart.ts")]
    assert ["web/cart.test.ts", "web/cart.ts"] in paths(split(pair, 20, lambda _: None))


def test_files_that_import_each_other_are_read_together():
    """An importing line that names a changed file joins them."""
    texts = {"a/one.py": "from b.two import f\n", "a/zzz.py": "", "b/two.py": ""}
    parts = split([view(path) for path in texts], 20, texts.get)
    assert ["a/one.py", "b/two.py"] in paths(parts)


def test_a_mention_in_prose_joins_nothing():
    """Only importing lines count."""
    texts = {"a/one.py": "# see two\nx = two\n", "a/zzz.py": "", "b/two.py": ""}
    assert ["a/one.py", "a/zzz.py"] in paths(split([view(path) for path in texts], 20, texts.get))
