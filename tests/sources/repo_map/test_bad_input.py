"""Trees that nobody would wish for: huge, deep, cyclic, in the wrong encoding."""

import asyncio
import os
import random

import pytest

from fanfold.errors import NothingToDo, TargetError
from fanfold.skills.multi_file_analysis.scope import resolve_scope
from fanfold.sources.repo_map.discover import discover
from fanfold.sources.repo_map.facts import read_facts
from fanfold.sources.repo_map.graph import components
from fanfold.sources.repo_map.mapping import map_tree
from fanfold.testing.repository import Repository


def mapped(folder, *names, **options):
    return asyncio.run(map_tree(discover(names, folder, **options)))


def test_a_file_of_50_mb_is_named_and_not_read(tmp_path):
    """Its size says enough; so does 3 MB of a file that nobody named."""
    for name, size in (("dump.sql", 50 << 20), ("data.py", 3 << 20)):
        with (tmp_path / name).open("wb") as file:
            file.truncate(size)
    (tmp_path / "a.py").write_text("x = 1\n")
    assert mapped(tmp_path).left_out == (
        ("data.py", "larger than 2 MB", 3 << 20),
        ("dump.sql", "larger than 2 MB", 50 << 20),
    )


def test_symlinks_lead_nowhere(tmp_path):
    """A folder that holds a link to itself, one to what lies outside, a file that is a link, a dangling one."""
    (tmp_path / "a.py").write_text("x = 1\n")
    (tmp_path / "loop").symlink_to(tmp_path)
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "up").symlink_to("..")
    (tmp_path / "out").symlink_to("/etc")
    (tmp_path / "b.py").symlink_to("a.py")
    (tmp_path / "c.py").symlink_to("c.py")
    assert list(mapped(tmp_path).files) == ["a.py"]


def test_deep_nesting_wrong_encodings_and_strange_names(tmp_path):
    """5,000 parentheses, Latin-1, UTF-16, a name of two lines, bytes that are no UTF-8: each has facts or a reason."""
    (tmp_path / "deep.py").write_text(f"x = {'(' * 5_000}1{')' * 5_000}\ndef after(): ...\n")
    (tmp_path / "deep.js").write_text("x = " + "[\n" * 5_000 + "1" + "]\n" * 5_000 + ";\nfunction after() {}\n")
    (tmp_path / "latin.py").write_bytes("# é\ndef café(): ...\n".encode("latin-1"))
    (tmp_path / "wide.py").write_bytes("def f(): ...\n".encode("utf-16"))
    (tmp_path / "two\nlines.py").write_text("def g(): ...\n")
    with open(os.fsencode(tmp_path) + b"/\xff\xfe.py", "w") as file:  # noqa: PTH123  a name of bytes
        file.write("def h(): ...\n")
    found = mapped(tmp_path)
    assert found.left_out == (("wide.py", "UTF-16, which git takes for binary", 28),)
    assert {path for path, file in found.files.items() if file.facts.note} == {"deep.py", "deep.js", "latin.py"}
    assert found.files["deep.js"].facts.note == "its brackets are nested more than 1,000 deep"
    assert [symbol.name for symbol in found.files["two\nlines.py"].facts.symbols] == ["g"]
    assert [symbol.name for symbol in found.files["\\xff\\xfe.py"].facts.symbols] == ["h"]
    assert "after" in {symbol.name for symbol in found.files["deep.py"].facts.symbols}


def test_a_hundred_thousand_files(tmp_path):
    """All of them are found, those by the names of lock files named, in order."""
    for name in ("one", "other"):
        (tmp_path / name).write_text("x = 1\n")
    for number in range(100):
        folder = tmp_path / f"f{number:02}"
        folder.mkdir()
        for each in range(1_000):
            os.link(tmp_path / ("one" if each < 500 else "other"), f"{folder}/{each:03}.py")
    (tmp_path / "f07" / "uv.lock").write_text("")
    found = discover([], tmp_path)
    assert len(found.files) == 100_002
    assert list(found.files) == sorted(found.files)
    assert [left.path for left in found.left_out] == ["f07/uv.lock"]
    assert len(discover(["f01", "f02"], tmp_path, exclude=["5*.py"]).files) == 1_800


def test_files_that_change_while_they_are_read(tmp_path):
    """One that has gone since it was found is left out with that reason; one that became a folder or a link as well."""
    for name in ("stays.py", "goes.py", "turns.py", "links.py"):
        (tmp_path / name).write_text("x = 1\n")
    found = discover([], tmp_path)
    for name in ("goes.py", "turns.py", "links.py"):
        (tmp_path / name).unlink()
    (tmp_path / "turns.py").mkdir()
    (tmp_path / "links.py").symlink_to("/etc/passwd")
    tree = asyncio.run(map_tree(found))
    assert list(tree.files) == ["stays.py"]
    assert [left.path for left in tree.left_out] == ["goes.py", "links.py", "turns.py"]
    assert all(left.why for left in tree.left_out)


def test_several_roots(tmp_path):
    """Folders and files side by side are one map, whose paths start where they meet; a file that is named counts."""
    for path in ("one/a.py", "two/b.py", "three/c.py", "three/uv.lock"):
        (tmp_path / path).parent.mkdir(exist_ok=True)
        (tmp_path / path).write_text("x = 1\n")
    found = mapped(tmp_path, "one", "two", "three/uv.lock")
    assert list(found.files) == ["one/a.py", "three/uv.lock", "two/b.py"]
    with pytest.raises(TargetError, match="can't read"):
        discover(["one", "../nowhere/else"], tmp_path)


def test_a_folder_without_a_file(tmp_path):
    """Nothing to do, and what was left out is said."""
    with pytest.raises(NothingToDo):
        discover([], tmp_path)
    (tmp_path / "yarn.lock").write_text("")
    with pytest.raises(NothingToDo, match="1 file left out: a lock file"):
        discover([], tmp_path)


def test_generated_minified_and_binary_content_is_named(tmp_path):
    """What only the content shows."""
    (tmp_path / "a.py").write_text("x = 1\n")
    (tmp_path / "gen.go").write_text("// Code generated by protoc. DO NOT EDIT.\npackage a\n")
    (tmp_path / "app.js").write_text("var a=1;" * 500)
    (tmp_path / "logo.svgz").write_bytes(b"\x1f\x8b\0\0")
    left = {one.path: one.why for one in mapped(tmp_path).left_out}
    assert left == {"gen.go": "generated", "app.js": "minified", "logo.svgz": "binary"}
    assert list(mapped(tmp_path, "gen.go").files) == ["gen.go"]


def test_no_file_but_one_that_can_not_be_read_as_code(tmp_path):
    """A map of nothing but binary files is empty, and its graph too."""
    (tmp_path / "a.bin").write_bytes(b"\0" * 100)
    found = mapped(tmp_path)
    assert (dict(found.files), components(found), found.tokens) == ({}, (), 0)


def notes(folder, *names):
    return discover(names, folder).notes


@pytest.fixture
def outer(tmp_path):
    """A repository with a submodule, a repository that nobody added, and dependencies that no ignore file names."""
    inner = Repository.init(tmp_path / "inner")
    inner.write("i.py", "x = 1\n")
    inner.commit("One")
    outer = Repository.init(tmp_path / "outer")
    outer.write("a.py", "import i\n")
    outer.write("node_modules/x/index.js", "1\n")
    outer.git("-c", "protocol.file.allow=always", "submodule", "--quiet", "add", str(inner.root), "libs/sub")
    outer.git("add", "a.py")
    outer.git("commit", "-qm", "All")
    Repository.init(outer.root / "mine").write("m.py", "y = 1\n")
    return outer


def test_what_a_listing_passes_over_is_named(outer):
    """Submodules, repositories, and installed packages; whoever names one has it read."""
    root = outer.root
    assert notes(root) == (
        "not looked at: 1 submodule (libs/sub/); who names it has it read",
        "not looked at: 1 repository inside of this one (mine/); who names it has it read",
        "not looked at: 1 folder of installed packages (node_modules/); who names it has it read",
    )
    found = discover((".", "libs/sub"), root)
    assert "libs/sub/i.py" in found.files
    assert not any("submodule" in note for note in found.notes)
    assert notes(root, "a.py") == ()


def test_installed_packages_outside_of_git_are_named(tmp_path):
    """At the top or below a folder with files of its own; caches are not worth a word."""
    for path in ("a.py", "node_modules/x/i.js", "web/b.js", "web/node_modules/y/i.js", "__pycache__/a.pyc"):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text("1\n")
    said = "not looked at: 2 folders of installed packages (node_modules/, web/node_modules/); who names it has it read"
    assert notes(tmp_path) == (said,)


def test_what_a_sparse_checkout_lacks_is_named(tmp_path):
    """Files that git tracks and that are not there; without any code, that is said as well."""
    repository = Repository.init(tmp_path / "all")
    repository.write("src/a.py", "x = 1\n")
    repository.write("README", "Read.\n")
    repository.commit("All")
    (repository.root / "src" / "a.py").unlink()
    assert notes(repository.root) == ("not on disk: 1 file that git tracks (src/a.py)",)
    with pytest.raises(NothingToDo, match=r"no code in .*not on disk: 1 file"):
        resolve_scope([], repository.root)


@pytest.mark.parametrize(
    ("name", "data", "why"),
    [
        ("a.py", "x = 1\n".encode("utf-16"), "UTF-16, which git takes for binary"),
        ("a.cs", b"\xfe\xff" + "class A { }\n".encode("utf-16-be"), "UTF-16, which git takes for binary"),
        ("a.py", random.Random(1).randbytes(9000).replace(b"\0", b""), "binary"),
        ("noise", random.Random(2).randbytes(200).replace(b"\0", b""), "binary"),
        (
            "model.py",
            b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n",
            "a pointer to a large file that is elsewhere",
        ),
        ("big.dat", b"/annex/objects/SHA256E-s1--1.dat\n", "a pointer to a large file that is elsewhere"),
    ],
)
def test_what_is_no_text_to_read_is_named(name, data, why):
    """Bytes by chance without a NUL, text that git takes for binary, and what only points elsewhere."""
    assert read_facts(name, data) == why


@pytest.mark.parametrize("encoding", ["latin-1", "koi8-r", "cp1251", "shift-jis", "gbk", "iso2022_jp", "utf-8-sig"])
def test_text_in_any_encoding_is_text(encoding):
    """It has other letters, and no control characters."""
    words = {"latin-1": "naïve café", "koi8-r": "привет", "cp1251": "привет", "utf-8-sig": "naïve"}.get(
        encoding, "日本"
    )
    data = f"# {words * 40}\r\n\tdef = 1\n\f\x1b[0m\n".encode(encoding, "replace")
    assert not isinstance(read_facts("a.py", data), str)


def test_what_a_repository_says_of_its_files_counts_more_than_their_names(tmp_path):
    """`linguist-generated` and `linguist-vendored`, set or denied, in any folder; other attributes are no matter."""
    repository = Repository.init(tmp_path / "said")
    said = "gen/* linguist-generated\n*.sql -diff\nkept_pb2.py linguist-generated=false\n"
    repository.write(".gitattributes", said)
    repository.write("libs/.gitattributes", "** linguist-vendored=true\n")
    for path in ("a.py", "gen/b.py", "kept_pb2.py", "gone_pb2.py", "libs/x/c.py", "d.sql"):
        repository.write(path, "x = 1\n")
    left = {left.path: left.why for left in discover((), repository.root).left_out}
    assert left == {
        "gen/b.py": "generated",
        "gone_pb2.py": "generated",
        "libs/.gitattributes": "vendored",
        "libs/x/c.py": "vendored",
    }
    assert "gen/b.py" in discover(("gen/b.py",), repository.root).files
