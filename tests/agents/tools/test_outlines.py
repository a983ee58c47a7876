"""What a file defines, and where a symbol is, at the target's revision and without what holds secrets."""

import pytest

from fanfold.agents.tools.base import REPLY_LIMIT
from fanfold.agents.tools.toolbox import Toolbox
from fanfold.sources.target import resolve

KINDS = ("paths", "uncommitted", "staged", "commit", "patch")


@pytest.mark.parametrize("kind", KINDS)
def test_a_symbol_is_found_where_it_is_defined_and_used(project, target_of, ask, kind):
    """The definition has its kind and its end; uses are those of the head side; comments don't count."""
    target = target_of(project, kind)
    text = ask(target, "find_symbol", name="helper").text
    assert "defined:\nsrc/util.py\n1#" in text
    assert "def helper(value):  [function helper, to line 2]" in text
    assert "used:\nsrc/app.py\n5#" in text
    assert text.endswith("1 definition, 1 use in 3 files.")
    assert "defined:\nnowhere\nused:\nnowhere" in ask(target, "find_symbol", name="no such").text


def test_an_outline_has_imports_and_nested_definitions(repository, ask):
    """Lines, signatures and docs, methods set in below their class; cut outlines go on."""
    repository.write(
        "a.py", "import os\n\nclass A:\n    '''Doc.'''\n\n    def m(self, x: int) -> str:\n        return x\n"
    )
    repository.write("many.py", "".join(f"def function_{n}({'a' * 200}):\n    pass\n" for n in range(300)))
    repository.commit("Files")
    toolbox = Toolbox(resolve(["HEAD"], cwd=repository.root))
    text = ask(toolbox, "outline", path="a.py").text
    assert "imports os\n3-7 class A  # Doc.\n6-7   def m(self, x: int) -> str" in text
    assert text.endswith("2 definitions in 7 lines of python.")
    first = ask(toolbox, "outline", path="many.py")
    assert first.cut
    assert len(first.text) < REPLY_LIMIT + 300
    after = int(first.text.rpartition("more with after=")[2].rstrip("."))
    second = ask(toolbox, "outline", path="many.py", after=after)
    assert f"{after + 2}-{after + 3} def function_{(after + 1) // 2}(" in second.text


def test_symbols_of_secret_files_are_not_found(repository, ask):
    """A word that only stands in a file of secrets is nowhere, and a masked one isn't there either."""
    repository.write("prod.env", "hidden_name=1\n")
    repository.write("a.py", "TOKEN = 'Zq9Lm2Xp7Kw4Rt8Vb3'\nvisible = TOKEN\n")
    repository.commit("Files")
    toolbox = Toolbox(resolve(["HEAD"], cwd=repository.root))
    assert "nowhere\nused:\nnowhere" in ask(toolbox, "find_symbol", name="hidden_name").text
    assert "nowhere\nused:\nnowhere" in ask(toolbox, "find_symbol", name="Zq9Lm2Xp7Kw4Rt8Vb3").text
    assert "[a secret, not shown]" in ask(toolbox, "find_symbol", name="TOKEN").text
    assert ask(toolbox, "outline", path="prod.env").is_error


def test_what_no_grammar_knows_is_still_an_answer(repository, ask):
    """Broken, empty, deep and nameless input gives a reply."""
    for name, content in {
        "a.py": "def (:\n",
        "b.py": "",
        "c.py": "(" * 5000,
        "d": "x\n" * 9,
        "e.js": "{" * 9999,
    }.items():
        repository.write(name, content)
    repository.commit("Files")
    toolbox = Toolbox(resolve(["HEAD"], cwd=repository.root))
    for name in ("a.py", "b.py", "c.py", "d", "e.js"):
        assert not ask(toolbox, "outline", path=name).is_error
    for symbol in ("x", ".", "::", " ", "(", "a.b.c", "\x00", "def", "x" * 300):
        assert not ask(toolbox, "find_symbol", name=symbol).is_error, symbol
