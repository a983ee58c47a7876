"""Broken promises: what a change takes from callers is found over the whole tree, and nothing that may be meant."""

import asyncio
import time

import pytest

from fanfold.analyzers.base import AnalyzerRequest
from fanfold.analyzers.contracts import CONTRACTS, find, look
from fanfold.models import Severity
from fanfold.sources.git import Git
from fanfold.sources.target import resolve
from fanfold.testing.repository import Repository, isolate_git

SHOP = """\
LIMIT = 10


def price(item, rate=1.0):
    return item * rate


class Cart:
    OPEN = 1

    def __init__(self, owner):
        self.owner = owner

    def total(self, rate):
        return self.each(rate)

    def each(self, rate, deep=False):
        return rate
"""


@pytest.fixture
def told(tmp_path, monkeypatch):
    """Return a function: files before and after (None: removed) to the findings on that change."""
    isolate_git(monkeypatch)

    def look(before, after):
        repository = Repository.init(tmp_path / "project")
        for path, text in before.items():
            repository.write(path, text)
        repository.commit("before")
        for path, text in after.items():
            if text is None:
                (repository.root / path).unlink()
            else:
                repository.write(path, text)
        repository.commit("after")
        return find(resolve(["HEAD"], cwd=repository.root))

    return look


def short(findings):
    return [
        (f.sources[0].removeprefix("contracts:"), f.path, f.line, [(o.path, o.line) for o in f.also]) for f in findings
    ]


PACKAGE = {"shop/__init__.py": "", "shop/cart.py": SHOP}


def changed(old, new):
    return {"shop/cart.py": SHOP.replace(old, new)}


BREAKS = {
    "a removed constant that is imported": (
        changed("LIMIT = 10\n", ""),
        "from shop.cart import LIMIT\n",
        [("removed-symbol", "app.py", 1, [])],
    ),
    "a renamed function, used as an attribute of its module": (
        changed("def price", "def prices"),
        "from shop import cart\n\nprint(cart.price(1))\n",
        [("removed-symbol", "app.py", 3, [])],
    ),
    "a removed member of a class": (
        changed("    OPEN = 1\n", "    CLOSED = 1\n"),
        "import shop.cart as c\nstate = c.Cart.OPEN\n",
        [("removed-symbol", "app.py", 2, [])],
    ),
    "a removed method that the class still calls": (
        changed("    def each(self, rate, deep=False):\n        return rate\n", ""),
        "",
        [("removed-symbol", "shop/cart.py", 15, [])],
    ),
    "a new required argument": (
        changed("item, rate=1.0", "item, currency, rate=1.0"),
        "from shop.cart import price as p\n\nx = p(1)\ny = p(1, 2)\nz = p(1, rate=2)\n",
        [("changed-signature", "shop/cart.py", 4, [("app.py", 3), ("app.py", 5)])],
    ),
    "a removed argument that is still passed": (
        changed("item, rate=1.0", "item"),
        "from shop.cart import price\nprice(1, rate=2)\nprice(1, 2)\nprice(1)\n",
        [("changed-signature", "shop/cart.py", 4, [("app.py", 2), ("app.py", 3)])],
    ),
    "a renamed argument that is passed by name": (
        changed("item, rate=1.0", "item, factor=1.0"),
        "from shop.cart import price\nprice(1, rate=2)\nprice(1, 2)\n",
        [("changed-signature", "shop/cart.py", 4, [("app.py", 2)])],
    ),
    "an argument that is by keyword only from now on": (
        changed("item, rate=1.0", "item, *, rate=1.0"),
        "from shop.cart import price\nprice(1, 2)\nprice(1, rate=2)\n",
        [("changed-signature", "shop/cart.py", 4, [("app.py", 2)])],
    ),
    "a constructor": (
        changed("owner):", "owner, name):"),
        "from shop.cart import Cart\nCart('me')\nCart('me', 'mine')\n",
        [("changed-signature", "shop/cart.py", 11, [("app.py", 2)])],
    ),
    "a method called on self": (
        changed("def each(self, rate, deep", "def each(self, rate, depth, deep"),
        "",
        [("changed-signature", "shop/cart.py", 17, [("shop/cart.py", 15)])],
    ),
    "a default that callers rely on": (
        changed("rate=1.0", "rate=2.0"),
        "from shop.cart import price\nprice(1)\nprice(1, 2)\n",
        [("changed-default", "shop/cart.py", 4, [("app.py", 2)])],
    ),
    "a module that is gone": (
        {"shop/cart.py": None},
        "import shop.cart\nfrom shop.cart import price\n",
        [("gone-module", "app.py", 1, [("app.py", 2)])],
    ),
    "an import and a function whose uses in the same file are left": (
        {"app.py": "def f(p):\n    return os.path.join(p, g())\n\n\nh = os\n"},
        "import os\n\n\ndef g():\n    return ''\n\n\ndef f(p):\n    return os.path.join(p, g())\n\n\nh = os\n",
        [("lost-name", "app.py", 2, []), ("lost-name", "app.py", 2, [("app.py", 5)])],
    ),
    "an import in a module that looks at others as they run": (
        {"app.py": "import sys\n\nx = sys.modules.get('x')\ny = shop\n"},
        "import shop\nimport sys\n\nx = sys.modules.get('x')\ny = shop\n",
        [("lost-name", "app.py", 4, [])],
    ),
    "an import of what never was": (
        {"shop/more.py": "from .cart import nothing\nfrom .absent import x\n"},
        "",
        [("unresolved-import", "shop/more.py", 2, []), ("unresolved-import", "shop/more.py", 1, [])],
    ),
}


@pytest.mark.parametrize("name", BREAKS)
def test_a_broken_promise_is_found_with_those_who_count_on_it(told, name):
    """The rule, the place that a reviewer wants, and every caller that the change left behind."""
    after, app, expected = BREAKS[name]
    findings = told({**PACKAGE, "app.py": app}, after)
    assert short(findings) == expected
    assert all(f.severity is (Severity.INFO if "default" in f.mechanism else Severity.HIGH) for f in findings)
    assert all(f.quote.strip() for f in findings)


FINE = {
    "callers that were updated": (changed("price(", "cost("), "from shop.cart import cost\ncost(1)\n"),
    "nobody uses it": (changed("LIMIT = 10\n", ""), "LIMIT = 1\nprint(LIMIT)\n"),
    "an import that may fail": (
        changed("LIMIT = 10\n", ""),
        "try:\n    from shop.cart import LIMIT\nexcept ImportError:\n    LIMIT = 3\n",
    ),
    "a use that is looked for first": (
        changed("LIMIT = 10\n", ""),
        "from shop import cart\nprint(cart.LIMIT if hasattr(cart, 'LIMIT') else 0)\n",
    ),
    "a call that is to fail": (
        changed("item, rate=1.0", "item"),
        "import pytest\nfrom shop.cart import price\nwith pytest.raises(TypeError):\n    price(1, 2)\n",
    ),
    "a removed import of what is a local name, a built-in, only an annotation, or expected to be missing": (
        {
            "app.py": "def f(os: sys, re: 'x') -> sys:\n    n: sys = os\n    return open(n)\n"
            "\n\ntry:\n    re\nexcept NameError:\n    pass\n"
        },
        "import os, re, sys\nfrom io import open\n",
    ),
    "a removed import whose name comes from a star, or is made as the module runs": (
        {"app.py": "from os import *\nx = sys\n", "json.py": "loads = globals().update(re=1) or re\n"},
        "import sys\nx = sys\n",
    ),
    "names that a module makes as it runs": (
        changed("LIMIT = 10\n", "globals().update(LIMIT=10)\n"),
        "from shop.cart import LIMIT\n",
    ),
    "a module with __getattr__": (
        changed("LIMIT = 10\n", "def __getattr__(name):\n    return 1\n"),
        "from shop.cart import LIMIT\n",
    ),
    "a name handed on from elsewhere": (
        {**changed("LIMIT = 10\n", "from .limits import *\n"), "shop/limits.py": "LIMIT = 10\n"},
        "from shop.cart import LIMIT\n",
    ),
    "everything of a package from elsewhere": (
        changed("LIMIT = 10\n", "from limits import *\n"),
        "from shop.cart import LIMIT\n",
    ),
    "a submodule instead of a name": (
        {"shop/__init__.py": "", "shop/LIMIT.py": ""},
        "from shop import LIMIT\n",
    ),
    "a local name that is spelled the same": (
        changed("item, rate=1.0", "item"),
        "from shop.cart import price\ndef f(price):\n    price(1, 2)\n",
    ),
    "a call with a list or a dictionary spread out": (
        changed("item, rate=1.0", "item, currency, rate=1.0"),
        "from shop.cart import price\nprice(*a)\nprice(1, **b)\n",
    ),
    "a decorator that may change what it takes": (
        changed("def price(item, rate=1.0)", "@wrapped\ndef price(item)"),
        "from shop.cart import price\nprice(1, rate=2)\n",
    ),
    "a method that subclasses override": (
        changed("def each(self, rate, deep", "def each(self, rate, depth, deep"),
        "from shop.cart import Cart\nclass Other(Cart):\n    def each(self, rate): ...\n",
    ),
    "a member that a base may have": (
        changed("class Cart:\n    OPEN = 1\n", "class Cart(Base):\n"),
        "from shop.cart import Cart\nCart.OPEN\n",
    ),
    "a file that the build writes": (
        {"shop/cart.py": None, ".gitignore": "cart.py\n"},
        "from shop.cart import price\n",
    ),
    "an extension module in its place": (
        {"shop/cart.py": None, "shop/cart.pyx": ""},
        "from shop.cart import price\n",
    ),
    "a module that became a package": (
        {"shop/cart.py": None, "shop/cart/__init__.py": SHOP},
        "from shop.cart import price\nprice(1)\n",
    ),
    "a call that did not fit before either": (
        changed("item, rate=1.0", "item, rate=1.0, *, deep=False"),
        "from shop.cart import price\nprice(1, 2, 3)\n",
    ),
    "a file that does not parse": (changed("LIMIT = 10\n", ""), "from shop.cart import LIMIT\ndef (\n"),
    "modules that are generated or compiled": (
        {
            "shop/new.py": "from . import cart_pb2\nfrom ._speed import fast\nfrom .cart_pb2 import Cart\n",
            "setup.py": "Extension('shop._speed', ['src/speed.c'])\n",
        },
        "",
    ),
    "a module of the standard library": (
        {"json.py": "x = 1\n"},
        "from json import loads\nloads('')\n",
    ),
}


@pytest.mark.parametrize("name", FINE)
def test_what_may_be_meant_is_passed_over(told, name):
    """A false alarm costs more than a miss: any doubt keeps it silent."""
    after, app = FINE[name]
    assert told({**PACKAGE, "json.py": "loads = 1\n", "app.py": app}, after) == []


def test_a_dataclass_is_a_constructor_too(told):
    """A new field without a default is a new required argument; one that is not for callers is none."""
    before = "from dataclasses import dataclass, field\n\n\n@dataclass(frozen=True)\nclass Item:\n    name: str\n"
    app = "from item import Item\nItem('a')\nItem('a', 1)\n"
    fine = before + "    tags: list = field(default_factory=list)\n    seen: int = field(init=False, default=0)\n"
    assert told({"item.py": before, "app.py": "from item import Item\nItem('a')\n"}, {"item.py": fine}) == []
    findings = told({"item.py": before, "app.py": app}, {"item.py": before + "    size: int\n"})
    assert short(findings) == [("changed-signature", "item.py", 5, [("app.py", 2)])]


def test_callers_are_named_with_their_code_and_counted(told):
    """Five are quoted, the rest is a number; tests alone make it less severe."""
    app = "from shop.cart import price\n" + "".join(f"price(1, rate={n})\n" for n in range(9))
    (finding,) = told({**PACKAGE, "tests/test_app.py": app}, changed("item, rate=1.0", "item"))
    assert "tests/test_app.py:2: `price(1, rate=0)` (there is no parameter `rate`)" in finding.explanation
    assert finding.explanation.endswith("; and 4 more")
    assert len(finding.also) == 9
    assert finding.severity is Severity.MEDIUM


def test_a_renamed_module_and_its_new_name(told):
    """Whoever imports the old name is found, whoever imports the new one is not."""
    findings = told(
        {**PACKAGE, "a.py": "from shop.cart import price\n", "b.py": ""},
        {"shop/cart.py": None, "shop/basket.py": SHOP, "b.py": "from shop.basket import price\nprice(1)\n"},
    )
    assert short(findings) == [("gone-module", "a.py", 1, [])]


def test_without_a_base_it_says_so(tmp_path):
    """Folders have no before, diffs alone neither; the second is worth a word."""
    (tmp_path / "a.py").write_text("from b import c\n")
    whole = resolve(["a.py"], cwd=tmp_path)
    diff = resolve([], cwd=tmp_path, diff="--- a/a.py\n+++ b/a.py\n@@ -0,0 +1 @@\n+from b import c\n")

    def analyze(target):
        return asyncio.run(CONTRACTS.analyze(AnalyzerRequest(tmp_path, ("a.py",), target=target)))

    assert analyze(whole).findings == analyze(diff).findings == ()
    assert analyze(whole).notes == ()
    assert "before the change" in analyze(diff).notes[0]
    assert asyncio.run(CONTRACTS.analyze(AnalyzerRequest(tmp_path, ("a.py",)))).findings == ()


def test_it_ends_in_time(told, tmp_path):
    """A deadline that is over ends it between two files, with the analyzer's name."""
    assert told({**PACKAGE, "app.py": "from shop.cart import LIMIT\n"}, changed("LIMIT = 10\n", ""))
    target = resolve(["HEAD"], cwd=tmp_path / "project")
    request = AnalyzerRequest(tmp_path, ("shop/cart.py",), timeout_s=-1.0, target=target)
    started = time.monotonic()
    with pytest.raises(TimeoutError, match="contracts did not end within"):
        asyncio.run(CONTRACTS.analyze(request))
    assert time.monotonic() - started < 30
    assert Git.at(tmp_path / "project") is not None


def test_a_first_commit_breaks_no_promise(tmp_path, monkeypatch):
    """There is no base, nothing is missing, and nothing is said to be."""
    isolate_git(monkeypatch)
    repository = Repository.init(tmp_path / "project")
    repository.write("a.py", "X = 1\n")
    repository.git("add", "a.py")
    for asked in ({"arguments": (), "staged": True}, {"arguments": ("HEAD",)}):
        if not asked.get("staged"):
            repository.commit("first")
        target = resolve(cwd=repository.root, **asked)
        analysis = asyncio.run(CONTRACTS.analyze(AnalyzerRequest(repository.root, target.paths, target=target)))
        assert (analysis.findings, analysis.notes) == ((), ())


READS = [
    "import sys\nfound = sys.modules[n]",
    "import sys\n\n\ndef f(n):\n    mod = sys.modules.get(n)\n    return mod is not None and g(mod.__file__)",
    "def f(n):\n    return globals()[n], globals().get(n), n in globals()",
    "def f(self):\n    setattr(self, 'a', self.__dict__)\n    return '%s' % locals()",
    "class A:\n    def __getattr__(self, name):\n        return vars(self)[name]",
]
WRITES = [
    "globals()[n] = 1",
    "globals().update(a=1)",
    "import sys\nsys.modules[__name__] = object()",
    "import sys\nsetattr(sys.modules[__name__], n, 1)",
    "import sys\nme = sys.modules[__name__]\nme.a = 1",
    "import sys\nme = sys.modules[__name__]\nfill(me)",
    "import sys\nsys.modules[__name__].__dict__.update(a=1)",
    "space = globals()\nspace[n] = 1",
    "fill(globals())",
    "exec(code)",
    "def __getattr__(name):\n    return 1",
    "from lazy import __getattr__",
]


@pytest.mark.parametrize("code", READS)
def test_reading_names_binds_none(told, code):
    """A module that looks into its own or others' names still has those alone that it spells out."""
    found = told({"a.py": f"{code}\nX = 1\n", "b.py": "from a import X\n"}, {"a.py": f"{code}\n"})
    assert [rule for rule, *_ in short(found)] == ["removed-symbol"]


@pytest.mark.parametrize("code", WRITES)
def test_where_names_are_written_nothing_is_claimed(tmp_path, monkeypatch, code):
    """It is silent about what the module may make as it runs, and says so."""
    isolate_git(monkeypatch)
    repository = Repository.init(tmp_path / "project")
    for text in (f"{code}\nX = 1\n", f"{code}\n"):
        repository.write("a.py", text)
        repository.write("b.py", "from a import X\n")
        repository.commit("a step")
    analysis = look(resolve(["HEAD"], cwd=repository.root))
    assert not analysis.findings
    (note,) = analysis.notes
    assert note.startswith("contracts: names that went from a.py were not checked: code there may bind names by ")


RUN = "class A:\n    def run(self):\n        return self.go(), self.step(1, deep=True)\n"
METHODS = f"{RUN}\n    def go(self):\n        return 1\n"
STEP = "\n    def step(self, n, deep=False):\n        return n\n"
OTHER = "class Other:\n    def go(self):\n        return 1\n\n    def step(self):\n        return 2\n"


@pytest.mark.parametrize("base", ["", "(A)", "(x.A, B)", "[T](\n    A\n)"])
def test_a_class_without_subclasses_has_its_own_methods(told, base):
    """Whoever else has methods of that name; a subclass may have those that went, and then nothing is said."""
    after = (METHODS + STEP).replace("def go", "def went").replace(", deep=False", "")
    found = told({"a.py": METHODS + STEP, "o.py": OTHER.replace("Other", f"Other{base}")}, {"a.py": after})
    assert [rule for rule, *_ in short(found)] == ([] if base else ["changed-signature", "removed-symbol"])
