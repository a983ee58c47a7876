"""Facts without a model: what each part finds in a small tree, and what it keeps quiet about."""

import pytest

from fanfold.skills.multi_file_analysis.analyses.duplicates import code_of
from fanfold.skills.multi_file_analysis.analyses.folding import module_graph
from fanfold.skills.multi_file_analysis.analyses.impact import subject_of
from fanfold.skills.multi_file_analysis.analyses.parts import FOR_ANY_QUESTION, PARTS, facts, map_summary
from fanfold.skills.multi_file_analysis.analyses.sources import (
    MOST_ROWS,
    Definitions,
    Sources,
    Subject,
    production,
)
from fanfold.sources.churn import Churn, churn
from fanfold.sources.git import Git
from fanfold.sources.repo_map.values import FileFacts, MappedFile, RepoMap, Symbol

SHOP = {
    "pyproject.toml": '[project]\nname = "shop"\ndependencies = ["PyYAML>=6"]\n'
    '[project.scripts]\nshop = "shop.cli:main"\n',
    "shop/__init__.py": "from shop.orders import Order\n__all__ = ['Order']\n",
    "shop/__main__.py": "from shop.cli import main\nmain()\n",
    "shop/cli.py": "import yaml\nfrom shop.orders import Order\n\ndef main():\n    return Order()\n",
    "shop/orders.py": '"""Orders."""\nfrom shop.store import save\n\nclass Order:\n    """One order."""\n\n'
    "    def total(self):\n        return save(self)\n",
    "shop/store.py": "def save(order):\n    from shop.orders import Order\n    return Order\n",
    "tests/test_orders.py": "from shop import Order\n\ndef test_total():\n    assert Order().total()\n",
}


def test_entry_points(tree):
    """Manifests first, then what a language takes for a start; each with the line that says so."""
    assert tree(SHOP).rows("entry-points") == [
        ("pyproject.toml:5", "shop", "console script", "shop.cli:main"),
        ("shop/__main__.py:1", "python -m shop", "package", None),
    ]


@pytest.mark.parametrize(
    ("path", "text", "found"),
    [
        ("a.py", "x = 1\nif __name__ == '__main__':\n    pass\n", [("a.py:2", "a.py", "run as a script", None)]),
        ("cmd/a.go", "package main\n\nfunc main() {}\n", [("cmd/a.go:3", "a.go", "func main", None)]),
        ("pkg/a.go", "package pkg\n\nfunc main() {}\n", []),
        ("src/main.rs", "fn main() {}\n", [("src/main.rs:1", "main.rs", "fn main", None)]),
        ("a.c", "int main(void) { return 0; }\n", [("a.c:1", "a.c", "main", None)]),
        ("wsgi.py", "application = make()\n", [("wsgi.py:1", "application", "served by a web server", None)]),
        ("package.json", '{"bin": {"tool": "cli.js"}}', [("package.json:1", "tool", "program", "cli.js")]),
        ("package.json", '{"name": "x"}', []),
        ("package.json", "[1, 2", []),
        ("pyproject.toml", "project = 3\n", []),
        (
            "setup.cfg",
            "[options.entry_points]\nconsole_scripts =\n  t = a:b\n",
            [("setup.cfg:3", "t", "console script", "a:b")],
        ),
        ("setup.cfg", "no section", []),
    ],
)
def test_a_start_of_each_kind(path, text, found, tree):
    """What starts a program is found in each language, and a broken manifest says nothing."""
    assert tree({path: text, "b.py": "x = 1\n"}).rows("entry-points") == found


def test_what_comes_from_outside(tree):
    """Packages that are imported and not defined here, with who declares them if the name tells."""
    files = {
        **SHOP,
        "package.json": '{"dependencies": {"left-pad": "1"}}',
        "web/a.js": 'import x from "left-pad/b";\nimport "fs";\n',
        "shop/types.py": "import __main__\nfrom _typeshed.wsgi import StartResponse\n",
    }
    assert tree(files).rows("external") == [
        ("web/a.js:1", "left-pad", "javascript", 1, "package.json"),
        ("shop/cli.py:1", "yaml", "python", 1, None),
    ]


def test_a_package_of_the_tree_is_no_dependency(tree):
    """By the name that its manifest gives it, whatever else in the manifest has a name."""
    files = {
        "package.json": '{"author": {"name": "ann"}, "name": "@shop/web"}',
        "web/a.js": 'import x from "@shop/web/b";\nimport y from "ann";\n',
        "Cargo.toml": '[[bin]]\nname = "tool"\n[package]\nname = "shop-core"\n',
        "src/main.rs": "use shop_core::x;\nuse tool::y;\n",
        "go.mod": "module example.com/shop/core/v2\n",
        "main.go": 'package main\n\nimport "example.com/shop/core/v2/tax"\n',
    }
    assert [row[1] for row in tree(files).rows("external")] == ["ann", "tool"]


def test_the_public_api(tree):
    """What the package passes on comes first, with its signature and what it is."""
    rows = tree(SHOP).rows("api")
    assert rows[0] == ("shop/orders.py:4", "Order", "class", "class Order", "One order.")
    assert ("shop/store.py:1", "save", "function", "def save(order)", None) in rows
    assert not [row for row in rows if row[0].startswith("tests/")]


def test_cycles(tree):
    """A circle that is closed in a function is told from one that is there while files are loaded."""
    assert tree(SHOP).rows("cycles") == [
        ("shop/orders.py:2", 2, "shop/orders.py → shop/store.py → shop/orders.py", "deferred")
    ]
    at_once = {
        **SHOP,
        "shop/store.py": "from shop.orders import (\n    Order,\n)\n\ndef save(order):\n    return Order\n",
    }
    assert tree(at_once).rows("cycles")[0][-1] == "while loaded"


def test_imports_that_go_up(tree):
    """Between two folders the rarer direction is the one that is told."""
    found = tree(
        {
            "low/__init__.py": "",
            "low/a.py": "x = 1\n",
            "low/b.py": "import high.c\n",
            "high/__init__.py": "",
            "high/c.py": "import low.a\n",
            "high/d.py": "import low.a\nimport low.b\n",
        }
    )
    assert found.rows("layering") == [("low/b.py:1", "low", "high", 1, 2, None)]


def test_a_package_that_passes_on_what_lies_below_it_is_no_import_that_goes_up(tree):
    """A package hands out its parts, which use it in turn; what it takes from elsewhere, and others from it, counts."""
    files = {
        "p/__init__.py": "from p.low.a import f\nfrom p.low.b import g\nfrom q.x import h\n",
        "p/core.py": "class Core: ...\n",
        "p/low/a.py": "import p.core\ndef f(): ...\n",
        "p/low/b.py": "import p.core\nimport p.low.a\ndef g(): ...\n",
        "q/x.py": "import p.core\ndef h(): ...\n",
        "q/y.py": "import p.core\n",
    }
    assert tree(files).rows("layering") == [("p/__init__.py:3", "p", "q", 1, 2, None)]


def test_a_file_without_documentation_is_told_by_what_it_defines(tree):
    """Its public functions and classes; who says what it is, is believed."""
    shop = {row[0].partition(":")[0]: row[5] for row in tree(SHOP).rows("central")}
    assert shop["shop/store.py"] == "Defines save."
    assert shop["shop/orders.py"] == "Orders."


def test_who_imports_a_file_is_said_to_be_counted_by_its_own_name(tree):
    """A use through a package that passes a name on counts for the package, and the tables say so."""
    files = {"p/__init__.py": "from p.a import f\n", "p/a.py": "def f(): ...\n", "b.py": "import p\np.f()\n"}
    found = tree(files)
    assert [row[0] for row in found.rows("central") if row[2] == 1] == ["p/a.py:1", "p/__init__.py:1"]
    for name in ("central", "fan-out", "impact"):
        assert "counts for that package" in found.table(name).about


def test_what_is_central_and_what_imports_most(tree):
    """Both directions, test code aside."""
    shop = tree(SHOP)
    assert shop.names("fan-out")[0] == 1
    assert {row.path for row in shop.table("central").rows} <= {path for path in SHOP if path.startswith("shop/")}
    assert shop.table("central").rows[0].path == "shop/orders.py"
    assert shop.table("largest").rows[0].path.startswith("shop/")


DEAD = {
    "app/a.py": "def used():\n    return 1\n\ndef _dead():\n    return 2\n\ndef public():\n    return used()\n",
}


def test_candidates_for_dead_code(tree):
    """What nobody else could use first; what is public may be used by other projects, and that is said."""
    assert tree(DEAD).rows("unreferenced") == [
        ("app/a.py:4", "_dead", "function", 2, "nobody"),
        ("app/a.py:7", "public", "function", 2, "other projects"),
    ]


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("a.py", "def _f(): pass\nx = '_f'\n"),  # a string may be looked up
        ("a.py", "def _f(): pass\n# see _f\n"),
        ("a.py", "@route('/')\ndef _f(): pass\n"),
        ("a.py", "def _visit_name(): pass\nx = getattr(y, f'_visit_{kind}')\n"),
        ("a.py", "def _visit_name(): pass\nx = getattr(y, '_visit_' + kind)\n"),
        ("a.py", "def _get_x_display(): pass\nx = '_get_%s_display' % name\n"),
        ("a.py", "def _visit_name(): pass\nx = dispatcher('visit', kinds)\n".replace("visit", "visitor")),
        ("a.py", "class A:\n    size = Made()\n    def _size(self): pass\nx = A().size, f'_{name}'\n"),
        ("a.py", "def _bsd_add(): pass\nx = getattr(sys.modules[__name__], f'_{kernel}_{task}')\n"),
        ("a.py", "class A:\n    def _add(self): pass\n    def go(self, name): getattr(self, name)()\nx = A().go\n"),
        ("a.py", "import asyncio\n\nclass A(asyncio.Protocol):\n    def _heard(self): pass\nx = A\n"),
        ("a.py", "import c\nclass Choice: pass\nclass A(c.Choice[str]):\n    def get(self): ...\nx = A, Choice\n"),
        ("a.py", "class _NoopSpan:\n    def add_event(self): pass\nx = _NoopSpan()\n"),
        ("a.rs", "impl T for A {\n    type Link = u32;\n}\n"),
        ("a.py", "class B: pass\n\nclass _A(B): pass\nx = B.__subclasses__()\n"),
        ("a.py", "class _A:\n    def acquire(self): pass\nx = _A()\n"),  # a lock, to whom it is given
        (
            "a.py",
            "try: from lib import B\nexcept ImportError:\n    class B: pass\nclass A(B):\n    def go(self): ...\nA\n",
        ),
        ("a.py", "import lib\n\nclass _A(lib.Base):\n    def _run(self): pass\n"),  # its base may call or register it
        ("a.py", "import lib\nclass B(lib.Base): pass\n\nclass _A(B): pass\nx = B\n"),  # an indirect one as well
        ("a.py", "class A(metaclass=M):\n    def _run(self): pass\nx = A\n"),
        ("a.py", "class A(dict):\n    def update(self): pass\nx = A\n"),
        ("a.py", "class A:\n    def __len__(self): return 1\nx = A\n"),
        ("tests/test_a.py", "def _helper(): pass\n"),
        ("conftest.py", "def _hook(): pass\n"),
        ("a.py", "def pytest_addoption(parser): pass\n"),
        ("docs/conf.py", "def _x(): pass\n"),
        ("a.go", "package a\n\nfunc (t T) String() string { return s }\n"),  # an interface may ask for it
        ("a.js", "register({ onClose: function () {} });\n"),
        ("A.java", "class A {\n    @Override\n    private void runIt() {}\n}\n//A\n"),
        ("a.rs", "#[no_mangle]\nfn exported() {}\n"),
        ("a.rb", "class A < Base\n  def run_it; end\nend\n"),  # what it derives from may call it
        ("a.rb", "class A\n  include Observable\n  def heard; end\nend\nA.new\n"),
        ("a.rb", "class A\n  def level=(to); end\n  def even?; end\nend\nA.new\n"),  # called under other names
        ("a.rb", "class A\n  def made_up; end\n  def go(name) = send(name)\nend\nA.new.go(x)\n"),
        ("app/controllers/a.rb", "class A\n  def show; end\nend\n"),
        ("a.rs", "const fn _assert_kinds() {}\n"),
        ("a.c", "PyObject *PyInit_thing(void) { return 0; }\n"),
        ("a.cpp", "A::~A() { close_all(); }\n"),
        ("A.cs", "static class TextExtensions {\n    static string Cut(this string text) => Cut(text);\n}\n"),
        ("a.py", "class A:\n    def _repr_html_(self): return ''\nx = A\n"),  # a protocol's name
    ],
)
def test_no_candidate_where_something_may_call_it(path, text, tree):
    """Wrong candidates cost trust: whatever could reach it at run time spares it."""
    assert tree({path: text, "b.py": "x = 1\n"}).rows("unreferenced") == []


@pytest.mark.parametrize(
    ("path", "text", "name"),
    [
        ("a.js", "function unused() { return 1 }\nconst x = 1;\n", "unused"),
        ("a.go", "package a\n\nfunc unused() int { return 1 }\n", "unused"),
        ("a.rs", "fn unused() -> i32 { 1 }\n", "unused"),
        ("a.c", "static int unused(void) { return 1; }\n", "unused"),
        ("A.java", "public class A {\n    private int unused() { return 1; }\n    A a;\n}\n", "A.unused"),
        ("a.py", "class A:\n    def _unused(self): pass\n    def other(self): pass\nx = A, 'other'\n", "A._unused"),
        ("a.py", "def outer():\n    def inner(): pass\nouter()\n", "outer.inner"),
    ],
)
def test_a_candidate_of_each_language(path, text, name, tree):
    """What its language hides and nothing names is one."""
    assert tree({path: text, "b.py": "x = 1\n"}).rows("unreferenced")[0][1::3] == (name, "nobody")


def test_what_others_may_use_is_told_apart(tree):
    """Declarations for type checkers, and what Ruby does not make private, are public for other projects."""
    found = tree({"index.d.ts": "declare namespace lib {\n  interface Unused {}\n}\nexport = lib;\n", "b.js": "b()\n"})
    assert found.rows("unreferenced") == [("index.d.ts:2", "lib.Unused", "interface", 1, "other projects")]
    ruby = "class A\n  def open_it; end\n  private\n  def hidden_one; end\n  private def hidden_two; end\nend\nA.new\n"
    found = tree({"a.rb": ruby, "index.d.ts": ""})
    assert {row[1]: row[4] for row in found.rows("unreferenced")} == {
        "A.open_it": "other projects",
        "A.hidden_one": "nobody",
        "A.hidden_two": "nobody",
    }


def test_a_document_counts_as_a_use(tree):
    """A name that documentation speaks of is used by somebody."""
    assert tree({**DEAD, "README.md": "Call `_dead` and `public`.\n"}).rows("unreferenced") == []


BLOCK = "".join(f"    value_{n} = compute(first_{n}, second_{n}) + {n}\n" for n in range(9))


def test_duplicated_blocks(tree):
    """The same code in several places is one row with all of them; comments and white space do not matter."""
    other = BLOCK.replace("    value_4", "    # why\n\n    value_4")
    found = tree({"a.py": f"def f():\n{BLOCK}", "b/c.py": f"x = 1\n\ndef g():\n{other}", "d.py": f"def h():\n{BLOCK}"})
    assert found.rows("duplicates") == [("a.py:2", 9, 90, 3, "b/c.py:4, d.py:2")]


PROSE = "".join(f"What value {n} of a graph's nodes means, that `compute` says at length\n" for n in range(20))
DOC_COMMENT = "".join(f" * {line}\n" for line in PROSE.splitlines())
BRACED = "".join(f"  value{n} = compute(first{n}, second{n}) + {n};\n" for n in range(9))


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("a.py", f'"""A module.\n\n{PROSE}"""\n\n\nclass A:\n    r"""{PROSE}"""\n\n    x = 1\n    """{PROSE}"""\n'),
        ("a.py", f'def f():\n    if x:\n        """{PROSE}"""\n        return 1\n\n\ndef g(): """{PROSE}"""\n'),
        ("a.js", f"/**\n{DOC_COMMENT} */\nfunction f() {{}}\n/*\n{PROSE}*/\nfunction g() {{}}\n"),
        ("a.java", f"class A {{\n/**\n{DOC_COMMENT} */\n  void f() {{}}\n/*\n{PROSE}*/\n}}\n"),
        ("a.rs", "".join(f"//! {line}\n" for line in PROSE.splitlines()) + "fn f() {}\n"),
        ("a.rs", "".join(f"/// {line}\n" for line in PROSE.splitlines()) + "fn f() {}\n"),
        ("a.go", f"package a\n\n/*\n{PROSE}*/\nfunc F() {{}}\n"),
        ("a.rb", f"=begin\n{PROSE}=end\ndef f; end\n"),
        ("a.php", "<?php\n" + "".join(f"# {line}\n" for line in PROSE.splitlines()) + "function f() {}\n"),
    ],
)
def test_documentation_is_no_duplicate(tree, path, text):
    """Docstrings and comments, however they are written, are no code that stands in two places."""
    assert tree({path: text, f"other/{path}": text}).rows("duplicates") == []


def test_a_block_goes_on_over_documentation(tree):
    """Code is the same whatever is said of it in between, and its lines are counted without that."""
    first, second = BLOCK.replace("    value_4", f'    """{PROSE}    """\n    value_4'), BLOCK
    found = tree({"a.py": f"def f():\n{first}", "b.py": f"def g():  # one\n{second}"})
    assert found.rows("duplicates") == [("a.py:2", 9, 90, 2, "b.py:2")]
    assert found.table("duplicates").rows[0].end_line == 31
    braced = BRACED.replace("1;", "1; // why").replace("  value4", f"/*\n{PROSE}*/\n  value4")
    found = tree({"a.js": f"function f() {{\n{braced}}}\n", "b.js": f"function g() {{\n{BRACED}}}\n"})
    assert [row for row in found.rows("duplicates") if "js" in row[0]] == [("a.js:2", 10, 100, 2, "b.js:2")]


@pytest.mark.parametrize("odd", ["/*", '\\"', '"""\\', "'''", "=begin\n", "'"])
@pytest.mark.parametrize("language", ["python", "ruby", "php", "rust"])
def test_what_never_ends_is_read_once(odd, language):
    """A text of openings without an end takes no time that grows with its square, and keeps its lines."""
    text = f"a\n{odd * 50_000}\nb"
    assert code_of(text, language).count("\n") == text.count("\n")


def test_strings_with_marks_of_comments_are_code(tree):
    """What stands in a string is no comment, and an address is none."""
    text = "".join(f'    value_{n} = get("http://host/{n}", \'# {n}\', """# {n}""")\n' for n in range(9))
    assert "# 3" in code_of(text, "python")
    assert code_of("x = 'a // b' // c\ny = `http://d`", "javascript") == "x = 'a // b'  \ny = `http://d`"
    assert code_of('x = 1; """doc"""\ny = """a # b"""  # c', "python") == 'x = 1; """doc"""\ny = """a # b"""   '


def test_a_table_of_numbers_is_no_duplicate(tree):
    """Nor are imports: what has to be written out again is no copied code."""
    numbers = "".join(f"    ({n}, {n}, {n}, {n}, {n}, {n}),\n" for n in range(30))
    imports = "".join(f"from package_{n} import (name_{n}, other_{n})\n" for n in range(30))
    assert tree(dict.fromkeys(("a.py", "b.py"), f"{imports}x = [\n{numbers}]\n")).rows("duplicates") == []


def test_a_block_that_repeats_itself_does_not_overlap(tree):
    """Copies in one file end where the next one begins."""
    table = tree({"a.py": "def f():\n" + BLOCK * 3, "b.py": "x = 1\n"}).table("duplicates")
    assert [(row.line, row.end_line, row.cells[2]) for row in table.rows] == [(2, 10, 3)]


@pytest.mark.parametrize(
    ("body", "what"),
    [
        ("except:\n    pass", "catches everything, does nothing"),
        ("except (ValueError, Exception):\n    ...", "catches everything, does nothing"),
        ("except Exception:\n    x = 1", "catches everything"),
        ("except OSError:\n    pass", "error is dropped"),
    ],
)
def test_errors_that_end_silently(body, what, tree):
    """The handler, with what it catches and the function that it is in."""
    text = f"def f():\n    try:\n        g()\n    {body.replace(chr(10), chr(10) + '    ')}\n"
    found = tree({"a.py": text}).rows("swallowed")
    assert [(row[0], row[1], row[3]) for row in found] == [("a.py:4", what, "f")]


@pytest.mark.parametrize(
    "body",
    [
        "except Exception:\n    raise",
        "except Exception as e:\n    g(e)",
        "except Exception:\n    logger.exception('x')",
        "except OSError:\n    return None",
        "except KeyError:\n    continue",
    ],
)
def test_errors_that_somebody_hears_of(body, tree):
    """Raised again, told, used, or a decision: no row."""
    text = f"def f():\n  for x in y:\n    try:\n        g()\n    {body.replace(chr(10), chr(10) + '    ')}\n"
    assert tree({"a.py": text}).rows("swallowed") == []


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("a.js", "try { f() } catch (e) {\n  // never mind\n}\n"),
        ("a.js", "f().catch(() => {})\n"),
        ("A.java", "class A { void f() { try { g(); } catch (Exception e) { } } }\n"),
        ("a.go", "package a\nfunc f() {\n\t_ = g()\n}\n"),
        ("a.go", "package a\nfunc f() {\n\tif err != nil {\n\t}\n}\n"),
        ("a.rs", "fn f() { g().unwrap(); }\n"),
        ("a.rb", "def f\n  g\nrescue => e\nend\n"),
    ],
)
def test_errors_elsewhere(path, text, tree):
    """Empty handlers and their like in other languages."""
    assert len(tree({path: text, "b.py": "x = 1\n"}).rows("swallowed")) == 1


@pytest.mark.parametrize(
    ("text", "what", "how"),
    [
        ("import subprocess as sp\nsp.run(x, shell=True)\n", "runs a program", "subprocess.run, through a shell"),
        ("from os import system\nsystem(x)\n", "runs a program", "os.system"),
        ("eval(x)\n", "runs text as code", "eval"),
        ("import pickle\npickle.loads(x)\n", "deserialises objects", "pickle.loads"),
        ("import yaml\nyaml.load(x)\n", "deserialises objects", "yaml.load"),
        ("c.execute(f'SELECT a FROM b WHERE c = {d}')\n", "SQL from pieces of text", "c.execute"),
        ("c.execute('DELETE FROM b WHERE c = %s' % d)\n", "SQL from pieces of text", "c.execute"),
        ("open(p, 'w')\n", "writes or removes files", "open"),
        ("open(p, mode='ab')\n", "writes or removes files", "open"),
        ("import requests\nrequests.get(u, verify=False)\n", "connects to a network", "requests.get"),
        ("s.get(u, verify=False)\n", "weak cryptography or no verification", "s.get"),
    ],
)
def test_security_surface(text, what, how, tree):
    """What is called, under its full name whatever it was imported as."""
    assert [row[1:3] for row in tree({"a.py": text}).rows("surface")] == [(what, how)]


@pytest.mark.parametrize(
    "text",
    [
        "import yaml\nyaml.load(x, Loader=yaml.SafeLoader)\n",
        "c.execute('SELECT a FROM b WHERE c = ?', (d,))\n",
        "c.execute(f'select {x} from the menu')\n".replace("select", "choose"),
        "open(p)\nopen(p, 'rb')\n",
        "def run(): pass\nrun()\n",
        "def eval(x): pass\neval(1)\n",  # the file's own
        "re.compile(x)\n",
    ],
)
def test_no_surface_where_nothing_untrusted_comes_in(text, tree):
    """Safe forms and names of one's own are none."""
    assert tree({"a.py": text}).rows("surface") == []


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("a.js", "el.innerHTML = x\n"),
        ("a.go", 'package a\nvar c = exec.Command("ls")\n'),
        ("a.rs", "fn f() { unsafe { g() } }\n"),
        ("A.java", "class A { Object f() { return new ObjectInputStream(s); } }\n"),
        ("a.c", "void f(char *d) { strcpy(d, s); }\n"),
        ("a.rb", "def f(x)\n  eval(x)\nend\n"),
        ("a.php", "<?php unserialize($x);\n"),
        ("a.cs", 'class A { void F() { Process.Start("x"); } }\n'),
    ],
)
def test_surface_elsewhere(path, text, tree):
    """One place of each language, and none in its comments."""
    assert len(tree({path: text, "b.py": "x = 1\n"}).rows("surface")) == 1
    quiet = "# " if path.endswith(".rb") else "// "
    assert tree({path: "".join(f"{quiet}{line}\n" for line in text.splitlines())}).rows("surface") == []


def test_work_in_loops(tree):
    """Loops in loops and slow calls in them; a loop over what is written out, and a new function, begin again."""
    text = (
        "import re\n"
        "def f(rows):\n"
        "    for a in rows:\n"
        "        for b in a:\n"
        "            for c in b:\n"
        "                re.compile(c)\n"
        "    for d in (1, 2):\n"
        "        re.compile(d)\n"
        "    for e in open(d):\n"
        "        def g():\n"
        "            open(e)\n"
    )
    assert tree({"a.py": text}).rows("loops") == [
        ("a.py:5", "loop in loops", "f", 3),
        ("a.py:6", "re.compile", "f", 3),
    ]


def _mapped(**complexity):
    return RepoMap(
        {
            f"{name}.py": MappedFile(f"{name}.py", "", 1, FileFacts("python", 9, 9, complexity=number))
            for name, number in complexity.items()
        }
    )


def test_hot_spots():
    """Commits × complexity; what was never changed or has no branches is none."""
    sources = Sources(read=lambda _: "", history=Churn({"a.py": 3, "b.py": 100, "c.py": 1}, 104, partial=False))
    table = facts(["hot-spots"], _mapped(a=50, b=2, c=0, d=9), sources)[0]
    assert [(row.path, *row.cells) for row in table.rows] == [("b.py", 200, 100, 2, 9), ("a.py", 150, 3, 50, 9)]
    assert "of 104 commits" in table.about


def test_without_a_history_it_is_said():
    """The most complicated files stand in for it, and the reason is told."""
    table = facts(["hot-spots"], _mapped(a=1, b=2), Sources(read=lambda _: "", history="there is no repository"))[0]
    assert [row.path for row in table.rows] == ["b.py", "a.py"]
    assert "there is no repository" in table.about


def test_churn_counts_commits(repository):
    """Each commit counts once for each file that it changed; the oldest are left out beyond the limit."""
    for n in range(3):
        repository.write("a.py", f"x = {n}\n")
        repository.write("new\nline.py", "x = 1\n" if n < 2 else "x = 2\n")
        repository.commit(f"{n}")
    git = Git.at(repository.root)
    assert git
    told = churn(git)
    assert isinstance(told, Churn)
    assert told.by_path == {"a.py": 3, "new\nline.py": 2}
    assert churn(git, most=1) == Churn({"a.py": 1, "new\nline.py": 1}, 1, partial=True)
    assert "can't tell" in str(churn(git, head="nowhere"))


def test_gaps_of_tests(tree):
    """A file counts as tested when a test imports it, through a package's list as well, or names what it defines."""
    lonely = "def lonely():\n" + "    x = 1\n" * 8
    found = tree({**SHOP, "shop/lonely.py": lonely, "tests/test_cli.py": "import shop.cli\n"})
    assert found.rows("untested-files") == [
        ("shop/lonely.py:1", "nothing leads to it", 0, 9),
        ("shop/store.py:1", "through others alone", 0, 3),
    ]
    assert found.rows("untested-functions") == [("shop/lonely.py:1", "lonely", 9)]


def test_without_tests_it_is_said(tree):
    """No list of everything, one sentence."""
    found = tree({"a.py": "def f():\n    return 1\n", "testing/package.json": "{}\n"})  # data alone tests nothing
    assert found.table("untested-files").about == "There are no test files here at all."
    assert found.rows("untested-functions") == []


def test_what_a_change_reaches(tree):
    """Its users at their lines, then importers step by step, tests last at each step."""
    found = tree(SHOP)
    rows = found.rows("impact", subject=Subject(symbols=("save",)))
    assert rows[0] == ("shop/store.py:1", "is changed", 0, "save", "code")
    assert ("shop/orders.py:8", "uses it", 1, "return save(self)", "code") in rows
    assert ("shop/orders.py:2", "imports", 1, "shop/store.py", "code") in rows
    assert ("tests/test_orders.py:1", "imports", 3, "shop/__init__.py", "test") in rows


def test_changed_lines_name_their_definitions(tree):
    """The innermost definition around each changed line is what changes."""
    rows = tree(SHOP).rows("impact", subject=Subject(changed={"shop/orders.py": ((8, 8),)}))
    assert rows[0] == ("shop/orders.py:7", "is changed", 0, "Order.total", "code")
    assert ("tests/test_orders.py:4", "uses it", 1, "assert Order().total()", "test") in rows


def test_a_local_function_reaches_nobody_by_its_name(tree):
    """Another one of that name elsewhere is another one."""
    found = tree(
        {"a.py": "def f():\n    def size(x): return x\n    return size\n", "b.py": "import a\nprint(a.size)\n"}
    )
    rows = found.rows("impact", subject=Subject(changed={"a.py": ((2, 2),)}))
    assert [row[:3] for row in rows] == [("a.py:2", "is changed", 0), ("b.py:1", "imports", 1)]


def test_without_a_subject_impact_ranks_files(tree):
    """What most of the tree stands on."""
    assert tree(SHOP).table("impact").rows[0].path in {"shop/orders.py", "shop/store.py"}


@pytest.mark.parametrize(
    ("question", "symbols", "files"),
    [
        ("What breaks if `save` changes?", ("save",), ()),
        ("What breaks if I save the file?", (), ()),
        ("What does Order.total reach?", ("Order.total",), ()),
        ("HEAD~3..HEAD", (), ()),
        ("What if shop/store.py goes?", (), ("shop/store.py",)),
        ("save", ("save",), ()),
        ("total()", ("total",), ()),
        ("", (), ()),
        ("\0" * 10_000, (), ()),
    ],
)
def test_the_subject_of_a_question(question, symbols, files, tree):
    """Names that are written as code is, and files; everyday words are none."""
    subject = subject_of(question, tree(SHOP).map)
    assert (subject.symbols, tuple(subject.changed)) == (symbols, files)


def test_names_that_are_nowhere_are_said(tree):
    """What is written like code and defined nowhere is said to be missing; packages, folders and prose are not."""
    map_ = tree(SHOP).map
    assert subject_of("What breaks if save_all or `save` change in shop.orders, e.g. for shop/?", map_).missing == (
        "save_all",
    )
    assert subject_of("refund", map_).missing == ("refund",)


def test_the_map_in_figures(tree):
    """What run.json keeps of it, cycles and entry points included."""
    found = tree(SHOP)
    summary = map_summary(found.map, Sources(read=found.read))
    assert (summary.files, summary.languages, summary.layers) == (7, {"python": 6, "toml": 1}, 3)
    assert summary.cycles == (("shop/orders.py", "shop/store.py"),)
    assert summary.entry_points == ("pyproject.toml:5 shop", "shop/__main__.py:1 python -m shop")
    assert summary.central[0] == "shop/orders.py"
    made = facts(["central", "entry-points"], found.map, Sources(read=found.read))
    assert map_summary(found.map, Sources(read=lambda path: pytest.fail(f"{path} was read again")), made) == summary


def test_the_module_graph_is_folded_until_it_can_be_read(tree):
    """At most so many nodes, and every production file that is linked belongs to one."""
    files = {f"pkg/part{a}/m{b}.py": f"import pkg.part{(a + 1) % 9}.m{b}\n" for a in range(9) for b in range(20)}
    graph = module_graph(tree(files).map)
    assert len(graph.modules) <= 30
    assert sum(module.files for module in graph.modules) == 180
    assert {link.source for link in graph.links} <= {module.name for module in graph.modules}


def test_a_folder_of_very_many_folders_is_opened_in_part(tree):
    """Its largest ones are modules, the rest stays with it: one node would say nothing."""
    files = {f"p{a}/m.py": f"import p{a + 1}.m\n" + "x = 1\n" * a for a in range(150)}
    graph = module_graph(tree(files).map)
    assert len(graph.modules) == 30
    assert sum(module.files for module in graph.modules) == 150
    assert "." in {module.name for module in graph.modules}


def test_the_module_graph_marks_cycles(tree):
    """Those that import one another have the same number; test code is not in it, and that is said."""
    small = module_graph(tree(SHOP).map)
    assert [module.name for module in small.modules if module.cycle] == ["shop/orders.py", "shop/store.py"]
    assert "Test code is left out" in small.note


@pytest.mark.parametrize("name", PARTS)
def test_every_part_takes_an_empty_tree_and_odd_files(name, tree):
    """Nothing there, no text, text that does not parse, names that are no names: a table, and no error."""
    assert facts([name], RepoMap({}), Sources(read=lambda _: None))[0].name == name
    odd = tree({"a b/`x|y`.py": "def f(:\n", "e.py": "", "n.js": "}}}{{{", "w.py": "\ufeffdef g(): pass\n"})
    assert odd.table(name).name == name
    gone = facts([name], odd.map, Sources(read=lambda _: None))[0]
    assert gone.total >= 0


def test_a_long_table_is_cut_and_counted():
    """The record keeps the first rows and the number of all."""
    names = [f"f{n}" for n in range(MOST_ROWS + 7)]
    symbols = tuple(Symbol(name, name, "function", n, n + 9) for n, name in enumerate(names, 1))
    files = {
        "a.py": MappedFile("a.py", "", 1, FileFacts("python", 999, 9, symbols=symbols)),
        "test_a.py": MappedFile("test_a.py", "", 1, FileFacts("python", 1, 1)),
    }
    table = facts(["untested-functions"], RepoMap(files), Sources(read=lambda _: ""))[0]
    assert (len(table.rows), table.total, table.more) == (MOST_ROWS, MOST_ROWS + 7, 7)


def test_the_facts_for_any_question_exist():
    """Whatever is asked, these parts are there."""
    assert set(FOR_ANY_QUESTION) <= set(PARTS)


def test_packages_of_files_that_import_nothing(tree):
    """Go's files know each other by package: what is central and what is tested is told by names."""
    found = tree(
        {
            "go.mod": "module example.com/x\n",
            "cmd.go": "package x\n\nfunc Run() int { return helper() }\n",
            "help.go": "package x\n\nfunc helper() int {\n\treturn 1\n}\n",
            "flags.go": "package x\n\ntype F struct{}\n\nfunc (f F) Together() int {\n\treturn 2\n}\n",
            "cmd_test.go": 'package x\n\nimport "testing"\n\nfunc TestRun(t *testing.T) { Run(); F{}.Together() }\n',
        }
    )
    assert found.table("central").rows[0].path == "help.go"
    assert [row.path for row in found.table("untested-files").rows] == ["help.go"]
    assert found.rows("untested-functions") == []


def test_built_scripts_are_not_production(tree):
    """A bundle of the files beside it is no code of its own: it would be the largest, the most central and a copy."""
    code = "export function f() {\n" + "  g(first, second, third, fourth, fifth);\n" * 20 + "}\n"
    found = tree({"lib/a.js": code, "dist/a.js": code, "dist/testing/b.js": code, "dist/esm/testing/b.js": code})
    assert [row.path for row in found.table("largest").rows] == ["lib/a.js"]
    assert not [row for row in found.rows("duplicates") if "dist/" in str(row)]


_DEEP = ".".join(["a"] * 4_000)


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("a.py", f"try:\n    f()\nexcept {_DEEP}:\n    pass\nimport yaml\nyaml.load(x, {_DEEP})\n"),
        ("a.py", "c.execute('SELECT a FROM b' " + "+ d" * 3_000 + ")\n"),
        ("a.py", "x" + "[0]" * 3_000 + "\nfor y in z:\n    pass\n"),
        ("a.py", "__all__ = [\n" * 5_000),
        ("a.py", "class A(" + "a, " * 50_000 + "):\n    def f(self): pass\n" + "class B(\n" * 5_000),
        ("a.js", "try { f() } catch (e) {" + "// " * 20_000 + "\n"),
        ("a.js", "try { f() } catch (e) {" + "/* */ " * 20_000 + "\n"),
        ("a.js", "catch (e) {\n" * 10_000),
        ("a.go", "package a\nfunc f() { " + "if ;" * 20_000 + "}\n"),
        ("a.go", "package a\nvar x = " + "db.Query(" * 20_000 + "\n"),
        ("a.rb", "rescue " * 20_000 + "\n"),
        ("a.php", "<?php " + "include " * 20_000 + "\n"),
        ("a.c", "fopen(" * 20_000 + "\n"),
        ("a.rs", "fn f() { " + "x.unwrap();\n" * 20_000 + "}\n"),
        ("package.json", '{"dependencies": {' + ", ".join(f'"p{n}": "1"' for n in range(5_000)) + "}}"),
        ("package.json", "[" * 100_000),
        ("setup.py", "install_requires=[" * 10_000),
        ("pyproject.toml", "a = " + "[" * 50_000),
    ],
)
def test_a_text_made_to_take_long_does_not(path, text, tree):
    """Deep, endless or repeating text costs no more than its length does, and breaks nothing."""
    found = tree({path: text, "b.py": "x = 1\n"})
    for name in PARTS:
        assert found.table(name).name == name


def test_a_package_that_helps_others_to_test_is_no_test(tree):
    """`django.test` is code of the project: nothing in it is named like a test. A folder of tests is none of it."""
    helper = "def client():\n    return 1\n"
    found = tree(
        {
            "web/__init__.py": "",
            "web/test/__init__.py": "from web.test.client import client\n",
            "web/test/client.py": helper,
            "numbers/testing/__init__.py": "",
            "numbers/testing/near.py": helper,
            "numbers/testing/tests/test_near.py": helper,
            "rx/testing/scheduler.ts": "export function run() {}\n",
            "app/testing/mocks.ts": "export function mock() {}\n",
            "app/testing/mocks.spec.ts": "mock()\n",
            "test/__init__.py": "",
            "test/helpers.py": helper,
            "test/unit/test_web.py": helper,
            "web/shop/tests.py": helper,
            "web/fs/tests.rs": "fn t() {}\n",
            "tests/test/__init__.py": "",
            "tests/test/client.py": helper,
        }
    )
    assert {path for path, _ in production(found.map)} == {
        "web/__init__.py",
        "web/test/__init__.py",
        "web/test/client.py",
        "numbers/testing/__init__.py",
        "numbers/testing/near.py",
        "rx/testing/scheduler.ts",
    }


def test_a_part_says_which_languages_it_does_not_know(tree):
    """No rows mean that there is nothing only where it was looked for."""
    found = tree({"a.js": "for (const a of b) { run(a) }\n", "web/b.js": "f()\n", "tests/c.rb": "x = 1\n"})
    table = found.table("loops")
    assert table.title == "Work in loops (not looked for in javascript)"
    assert table.about.endswith("Not looked for in javascript (2 files).")
    assert found.table("swallowed").title == "Where errors end"
    assert "Not looked for" not in found.table("swallowed").about


def test_the_cycle_that_is_shown_is_closed_while_files_are_loaded(tree):
    """Of a knot that is partly deferred, the way round that is shown is one that really happens."""
    found = tree(
        {
            "p/a.py": "from p.b import B\nfrom p.c import C\nA = 1\n",
            "p/b.py": "def f():\n    from p.a import A\nB = 1\n",
            "p/c.py": "from p.d import D\nC = 1\n",
            "p/d.py": "from p.a import A\nD = 1\n",
        }
    )
    assert found.rows("cycles") == [("p/a.py:2", 4, "p/a.py → p/c.py → p/d.py → p/a.py", "while loaded")]


def test_a_package_that_is_asked_in_a_function_is_a_deferred_cycle(tree):
    """`from . import Name` leads to the package's own file, on the line where it stands and on no other."""
    found = tree({"p/__init__.py": "from .a import A\n", "p/a.py": "A = 1\ndef f():\n    from . import A\n"})
    assert found.rows("cycles") == [("p/__init__.py:1", 2, "p/__init__.py → p/a.py → p/__init__.py", "deferred")]


def test_what_java_imports_in_a_circle_is_not_loaded_so(tree):
    """A class is loaded when it is used: whether a circle is closed while files are loaded is not said."""
    java = "package p;\nimport p.{other};\nclass {own} {{ {other} o; }}\n"
    found = tree({"p/A.java": java.format(own="A", other="B"), "p/B.java": java.format(own="B", other="A")})
    assert [row[1::2] for row in found.rows("cycles")] == [(2, None)]
    typed = "import {{ {other} }} from './{other}';\nexport interface {own} {{ other: {other} }}\n"
    found = tree(
        {"p/A.java": "", "web/A.ts": typed.format(own="A", other="B"), "web/B.ts": typed.format(own="B", other="A")}
    )
    assert [row[1::2] for row in found.rows("cycles")] == [(2, None)]


def test_places_in_other_languages_name_their_function(tree):
    """The function around a place is told in every language that is parsed; what Rust tests in the file is left out."""
    rust = "fn outer() {\n    x.unwrap();\n}\n\n#[cfg(test)]\nmod tests {\n    fn t() { y.unwrap(); }\n}\n"
    assert tree({"a.rs": rust}).rows("swallowed") == [("a.rs:2", "may panic", "x.unwrap();", "outer")]
    java = "import java.io.ObjectInputStream;\nclass A {\n    void f() { new ObjectInputStream(s); }\n}\n"
    assert [row[0::3] for row in tree({"A.java": java, "a.rs": ""}).rows("surface")] == [("A.java:3", "A.f")]


def test_functions_are_looked_for_in_languages_that_tests_are_written_in(tree):
    """A test in Python names nothing of C's; one that Rust keeps in the file counts like any other."""
    body = "    let a = 1;\n" * 7
    rust = f"pub fn used() {{\n{body}}}\npub fn unused() {{\n{body}}}\nfn private() {{\n{body}}}\n"
    rust += f"#[cfg(test)]\nmod tests {{\n    fn t() {{ used(); }}\n    fn helper() {{\n{body}    }}\n}}\n"
    c = "int compute(int a) {\n" + "    a += 1;\n" * 7 + "    return a;\n}\n"
    found = tree({"src/a.rs": rust, "src/b.c": c, "tests/it.rs": "fn t() {}\n", "tests/test_b.py": "x = 1\n"})
    table = found.table("untested-functions")
    assert [row.cells[0] for row in table.rows] == ["unused"]
    assert table.about.endswith("Not looked for in c (1 file).")


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("a.rs", "pub fn shown() {LINES}\npub(crate) fn hidden() {LINES}\n"),
        ("A.java", "class A {\n    public int shown() {LINES}\n    private int hidden() {LINES}\n}\n"),
        ("a.ts", "export function shown() {LINES}\nfunction hidden() {LINES}\n"),
        ("a.c", "int shown(void) {LINES}\nstatic int hidden(void) {LINES}\n"),
        ("a.go", "package a\n\nfunc Shown() {LINES}\nfunc (t inner) Hidden() {LINES}\n"),
    ],
)
def test_what_is_private_is_tested_through_others(path, text, tree):
    """A function that nobody else can name is no gap of its own."""
    text = text.replace("LINES", "\n" + "    f();\n" * 7)
    test = "tests/test_it" + path[path.rindex(".") :]
    named = [name.rpartition(".")[2].lower() for name in tree({path: text, test: "\n"}).names("untested-functions")]
    assert named == ["shown"]


def test_definitions_are_found_as_one_by_one_would():
    """A line's innermost definition is the last one that begins at or before it and has not ended."""
    spans = [(1, 30), (2, 10), (3, 3), (5, 9), (12, 20), (12, 15), (25, 25), (40, 41)]
    symbols = tuple(Symbol(f"s{at}", f"s{at}", "function", first, last) for at, (first, last) in enumerate(spans))
    inside = Definitions(MappedFile("a.py", "", 0, FileFacts("python", 50, 1, symbols)))
    for line in range(1, 50):
        around = [s for s in symbols if s.line <= line <= s.end_line]
        expected = max(around, key=lambda s: (s.line, -s.end_line)).qualified if around else ""
        assert inside.around(line) == expected


def test_a_change_of_very_many_files_is_named_in_short(tree):
    """A first commit changes every file: they are not all written out above the table."""
    found = tree({f"a{number}.py": "x = 1\n" for number in range(30)})
    about = found.table("impact", subject=Subject(changed=dict.fromkeys(found.map.files, ()))).about
    assert "and 27 more: where its name is used" in about


def test_one_commit_is_no_history():
    """With a single commit every file was changed once, which tells nothing."""
    file = MappedFile("a.py", "", 0, FileFacts("python", 9, 9, complexity=3))
    sources = Sources(read=lambda _: "", history=Churn({"a.py": 1}, commits=1, partial=False))
    (table,) = facts(["hot-spots"], RepoMap({"a.py": file}), sources)
    assert table.about.startswith("By complexity alone, as the history is a single commit.")
