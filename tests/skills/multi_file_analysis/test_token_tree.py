"""Where tokens are: every figure adds up, and the text stays short."""

from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st

from fanfold.skills.multi_file_analysis.token_tree import token_tree
from fanfold.sources.repo_map.values import FileFacts, MappedFile, RepoMap

ROW = re.compile(r"^ *([\d,]+) +([\d.]+) % +([\d,]+)  ((?:│  |   )*)(├─ |└─ )?(.+)$")


def tree_of(sizes):
    return RepoMap({path: MappedFile(path, path, 0, FileFacts("python", 1, size)) for path, size in sizes.items()})


def test_folders_come_with_their_share_largest_first():
    """A folder with one folder in it has one line; small things share one."""
    sizes = {"src/pkg/a.py": 600, "src/pkg/b.py": 300, "README.md": 95, "x.py": 3, "y.py": 2}
    assert token_tree(tree_of(sizes)) == (
        "1,000 100.0 % 5  .\n"
        "  900  90.0 % 2  ├─ src/pkg/\n"
        "  600  60.0 % 1  │  ├─ a.py\n"
        "  300  30.0 % 1  │  └─ b.py\n"
        "   95   9.5 % 1  ├─ README.md\n"
        "    5   0.5 % 2  └─ and 2 others\n"
    )


def test_an_empty_tree_is_a_line():
    """No files, no tokens, no error."""
    assert token_tree(RepoMap({})) == "0   0.0 % 0  .\n"


def test_hostile_names_stay_on_their_line():
    """A name with control characters can't move the cursor."""
    assert "\x1b" not in token_tree(tree_of({"a\x1b[2J\n/b.py": 5}))


def test_a_deep_or_wide_tree_needs_no_recursion_and_no_pages():
    """Thousands of folders in each other, and tens of thousands beside each other."""
    deep = {"d/" * 3_000 + "x.py": 5, "d/" * 2_000 + "y.py": 5}
    assert token_tree(tree_of(deep)).count("\n") < 10
    wide = {f"f{n % 200}/{n}.py": n % 7 for n in range(10_000)}
    assert token_tree(tree_of(wide)).count("\n") <= 31


names = st.lists(st.sampled_from("abcd"), min_size=1, max_size=5).map(lambda parts: "/".join(parts) + "/f.py")


@given(st.dictionaries(names, st.integers(0, 5_000), min_size=1, max_size=40), st.integers(1, 40))
def test_the_lines_below_a_folder_add_up_to_its_own(sizes, lines):
    """Tokens and files of what is shown below a folder, the folded rest included, come to the folder's figure."""
    rows = [ROW.match(line) for line in token_tree(tree_of(sizes), lines=lines).splitlines()]
    found = [(len(m[4]) // 3 + bool(m[5]), int(m[1].replace(",", "")), int(m[3].replace(",", ""))) for m in rows if m]
    assert len(found) == len(rows)
    assert len(rows) <= lines + 2
    assert found[0] == (0, sum(sizes.values()), len(sizes))
    for at, (depth, tokens, files) in enumerate(found):
        below = []
        for other in found[at + 1 :]:
            if other[0] <= depth:
                break
            if other[0] == depth + 1:
                below.append(other)
        if below:
            assert (sum(row[1] for row in below), sum(row[2] for row in below)) == (tokens, files)
