"""Where a name is defined and used, over a whole tree."""

from fanfold.sources.snapshot import Revision
from fanfold.sources.symbols import Symbols
from fanfold.testing.examples import Memory

FILES = {
    "README.md": "Call `total(cart)` first.\n",
    "app.py": "from shop import total as t, Cart\n\nprint(t(Cart()), subtotal)\n# total is a word here\n",
    "shop.py": "def total(cart):\n    '''total'''\n    return cart.total()\n\n\nclass Cart:\n"
    "    def total(self): ...\n",
    "web/cart.ts": "import { total } from './shop'\nexport const sum = (cart) => total(cart) + cart.total\n",
    "logo.png": None,
}


def told(found):
    return [(p.path, p.line, p.what, p.name) for p in found.places]


def test_where_a_name_is_defined():
    """Functions, methods and classes of that name; with the class before it, that class's alone."""
    symbols = Symbols(Memory(FILES))
    assert told(symbols.defined("total")) == [
        ("shop.py", 1, "function", "total"),
        ("shop.py", 7, "method", "Cart.total"),
    ]
    assert told(symbols.defined("Cart.total")) == told(symbols.defined("Cart::total"))
    assert told(symbols.defined("Cart.total")) == [("shop.py", 7, "method", "Cart.total")]
    assert symbols.defined("total").places[0].text == "def total(cart):"
    assert symbols.defined("nowhere").places == ()
    assert symbols.defined("").places == ()


def test_where_a_name_is_used():
    """Calls, attributes and imports in code, under another name too; words in comments and strings are none."""
    symbols = Symbols(Memory(FILES))
    assert told(symbols.used("total")) == [
        ("app.py", 1, "import", "total"),
        ("app.py", 3, "call", "t"),
        ("shop.py", 3, "call", "cart.total"),
        ("web/cart.ts", 1, "import", "total"),
        ("web/cart.ts", 2, "call", "total"),
        ("README.md", 1, "call", "total"),
    ]
    assert told(symbols.used("Cart.total")) == [
        ("shop.py", 3, "call", "cart.total"),
        ("web/cart.ts", 2, "attribute", "cart.total"),
    ]


def test_what_goes_beyond_the_limit_is_counted():
    """The first places are kept, the rest is a number."""
    files = {f"f{n:03}.py": "go()\ngo()\n" for n in range(100)}
    found = Symbols(Memory(files)).used("go", limit=3)
    assert told(found) == [("f000.py", 1, "call", "go"), ("f000.py", 2, "call", "go"), ("f001.py", 1, "call", "go")]
    assert (found.more, found.more_files) == (1, 98)


def test_only_files_that_have_the_word_are_parsed():
    """Ten thousand files cost a scan each, and one outline."""
    snapshot = Memory({f"f{n}.py": f"def f{n}(): return g{n}()\n" for n in range(10_000)})
    assert told(Symbols(snapshot).used("g77")) == [("f77.py", 1, "call", "g77")]
    assert snapshot.reads == 1


def test_many_names_take_one_pass():
    """Each file is given once, with those of the words that stand in it."""
    symbols = Symbols(Memory(FILES))
    many = {"total", "Cart", *(f"x{n}" for n in range(20))}
    assert [(path, sorted(words)) for path, _, words in symbols.naming(many)] == [
        ("app.py", ["Cart", "total"]),
        ("shop.py", ["Cart", "total"]),
        ("web/cart.ts", ["total"]),
        ("README.md", ["total"]),
    ]
    assert [(path, sorted(words)) for path, _, words in symbols.naming({"Cart"})] == [
        ("app.py", ["Cart"]),
        ("shop.py", ["Cart"]),
    ]


def test_a_commit_is_searched_like_a_folder(repository):
    """The names are those of the revision, whatever lies on disk."""
    repository.write("a.py", "def go(): ...\ngo()\n")
    commit = repository.commit()
    repository.write("a.py", "")
    from fanfold.sources.git import Git

    git = Git.at(repository.root)
    assert git is not None
    symbols = Symbols(Revision.of_commit(git, commit))
    assert told(symbols.used("go")) == [("a.py", 2, "call", "go")]
