"""Definitions that nothing in the tree names: candidates for dead code, and by design few of them wrong.

Beyond the name (`names.unnamed`), what a decorator, a framework, an interface or another project may call is left
out, even where that hides dead code. Compare vulture's whitelists, which ask the user for the same.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping

from fanfold.reports.analysed import Row, Table
from fanfold.skills.multi_file_analysis.analyses.bases import Bases
from fanfold.skills.multi_file_analysis.analyses.names import Defined, unnamed
from fanfold.skills.multi_file_analysis.analyses.sources import Sources, limited, of_symbol, table
from fanfold.sources.repo_map.values import RepoMap

_KINDS = ("function", "method", "class", "struct", "enum", "interface", "type")
# Files that tools read, and names that tools call.
_TOOL_FILE = re.compile(
    r"(^|/)(conftest|setup|conf|noxfile|tasks|fabfile|manage|wsgi|asgi|settings|urls|apps|admin|sitecustomize"
    r"|gulpfile|gruntfile|[\w-]+\.config|build)\.\w+$|(^|/)(migrations|versions|docs?|examples?|benchmarks?)/",
    re.IGNORECASE,
)
_TOOL_NAME = re.compile(
    r"__?\w+[^\W_]__?|main|Main|init|setup|teardown|setUp\w*|tearDown\w*|[tT]est\w*|pytest_\w+|constructor|application"
    r"|handler"
)
_DECLARED = frozenset({"c", "cpp"})
# Methods of protocols that no base class has to stand for: locks, files, iterators, imports, logging, ctypes.
_PROTOCOL = re.compile(
    r"acquire|release|locked|write|writelines|flush|close|closed|read|readline|readlines|readinto|seek|tell|truncate|isatty"
    r"|fileno|readable|writable|seekable|next|send|throw|emit|format|filter|default|run|start|stop|join|find_spec"
    r"|find_module|load_module|exec_module|create_module|module_repr|get_resource_reader|open_resource|resource_path"
    r"|is_resource|contents|get_data|get_code|get_source|get_filename|is_package|invalidate_caches|iter_modules|from_param"
)
_PLAIN_DECORATOR = re.compile(
    r"@\s*(?:staticmethod|classmethod|property|final|(?:functools\.)?(?:lru_cache|cache|cached_property|wraps)"
    r"|(?:contextlib\.)?(?:async)?contextmanager)\b"
)
# Declarations for type checkers: those who use the package read all of them.
_DECLARATIONS = re.compile(r"\.d\.[cm]?ts$")
# What a runtime looks up in a library by its name: Python's extension modules, Java's native methods, loaders, fuzzers.
_LOADED_BY_NAME = re.compile(
    r"PyInit_\w+|luaopen_\w+|Java_\w+|JNI_On(?:Unl|L)oad|DllMain|w?WinMain|wmain|LLVMFuzzer\w+|operator\b.*|~.*"
)
# Private methods that Java's runtime calls.
_SERIALIZING = re.compile(r"read(?:Object(?:NoData)?|Resolve|External)|write(?:Object|Replace|External)|finalize")
_RUBY_CALLS = re.compile(
    r"initialize\w*|to_\w+|each\w*|call|inspect|hash|eql|coerce|respond_to_missing|method_missing|const_missing"
    r"|inherited|included|extended|prepended|method_added|marshal_\w+|perform|up|down|change"
)
_RUBY_SENDS = re.compile(r"\b(?:public_|__)?send\b|\bmethod_missing\b|\bconst_get\b|\bdefine_method\b")
_RAILS = re.compile(r"(^|/)(app|db/migrate|config)/")
_TYPES = frozenset({"class", "struct", "enum", "interface", "type"})
# What a class of PHP, Java or C# derives from.
_DERIVING = re.compile(r"\b(?:extends|implements)\b|(?<!:):(?!:)")
_DERIVING_WORDS = frozenset({"extends", "implements", "permits", "where", "new"})
_QUALIFIER = re.compile(r"(?:[A-Za-z_]\w*)?(?:\\[A-Za-z_]\w*)*\\|(?:\b[A-Za-z_]\w*\.)+")
_GENERIC = re.compile(r"<[^{}]*>")
_NAME = re.compile(r"[A-Za-z_]\w*")
_STAND_IN = re.compile(r"_*(?:no_?op|null|dummy|fake|mock|stub)", re.IGNORECASE)
_HEAD_LINES = 20
# A file that looks its own names up by what is only known at run time.
_LOOKED_UP = re.compile(
    r"\b(?:globals|locals|vars)\(\)\s*(?:\[|\.get\b|\.items\b)|\bsys\.modules\[\s*__name__|\b(?:eval|exec)\("
    r"|\bgetattr\(\s*(?:self|cls|type\(self\)|\w*module\w*)\s*,\s*(?![rbRB]?[\"'])"
)


def unreferenced(tree: RepoMap, sources: Sources) -> Table:
    """Return the definitions that nothing names: first those that nobody else could use either, then public ones."""
    found = table(
        "unreferenced",
        "Candidates for dead code",
        "Definitions whose name stands nowhere else in the tree, not even in a string, a comment or a document, and "
        "that no decorator, base class or tool is known to call. Public ones may still be used by other projects: if "
        "this is a library, they are its least tested and documented part. Look before you delete.",
        ("name", "kind", "lines", "who else could use it"),
        _rows(tree, sources),
    )
    return limited(found, tree, _LANGUAGES)


def _rows(tree: RepoMap, sources: Sources) -> Iterator[Row]:
    known = _Known(tree, sources)
    found: dict[Defined, bool] = {}
    for one in unnamed(tree, sources, _KINDS):
        language = _LANGUAGES.get(one.facts.language)
        if language and not _TOOL_FILE.search(one.path) and not _TOOL_NAME.fullmatch(one.symbol.name):
            hidden, spared = language
            head = known.head(one)
            if not spared(one, head, known):
                found[one] = hidden(one, head, known)
    for one in _declarations(found, known):
        del found[one]
    outer = {(one.path, one.symbol.qualified) for one in found}
    for one in sorted(found, key=lambda one: (not found[one], one.symbol.line - one.symbol.end_line, one.path)):
        symbol = one.symbol
        if (one.path, symbol.qualified.rpartition(".")[0]) not in outer:  # it goes with what it stands in
            who = "nobody" if found[one] else "other projects"
            yield of_symbol(one.path, symbol, symbol.qualified, symbol.kind, symbol.end_line - symbol.line + 1, who)


def _declarations(found: Iterable[Defined], known: _Known) -> list[Defined]:
    """Return those that C only declares of what is defined elsewhere: they go with it."""
    functions = [one for one in found if one.facts.language in _DECLARED and one.symbol.kind == "function"]
    bodies = {
        one: any("{" in line for line in known.lines(one)[one.symbol.line - 1 : one.symbol.end_line])
        for one in functions
    }
    defined = {one.symbol.name for one in functions if bodies[one]}
    return [one for one in functions if not bodies[one] and one.symbol.name in defined]


class _Known:
    """What is known of each file in which a candidate is; it is found out once."""

    def __init__(self, tree: RepoMap, sources: Sources) -> None:
        self._read = sources.read
        self._types = frozenset(s.name for f in tree.files.values() for s in f.facts.symbols if s.kind in _TYPES)
        self.bases = Bases(tree, sources.read)
        self._lines: dict[str, list[str]] = {}
        self._functions: dict[str, frozenset[str]] = {}
        self._looking_up: dict[str, bool] = {}

    def head(self, one: Defined) -> str:
        """Return a definition's lines up to the one that holds its name: decorators, attributes, modifiers."""
        lines = self.lines(one)[one.symbol.line - 1 : one.symbol.line - 1 + _HEAD_LINES]
        named = re.compile(rf"\b{re.escape(one.symbol.name)}\b")
        until = next((number for number, line in enumerate(lines, 1) if named.search(line)), 1)
        return "\n".join(lines[:until])

    def lines(self, one: Defined) -> list[str]:
        """Return the lines of the file that holds a definition."""
        if one.path not in self._lines:
            self._lines[one.path] = (self._read(one.path) or "").split("\n")
        return self._lines[one.path]

    def derives_from_elsewhere(self, one: Defined) -> bool:
        """Tell whether a method's class extends or implements what the tree does not define, and what may call it."""
        outer = one.symbol.qualified.rpartition(".")[0]
        around = next((s for s in one.facts.symbols if s.qualified == outer and s.kind in _TYPES), None)
        if around is None:
            return False
        head = "\n".join(self.lines(one)[around.line - 1 : around.line - 1 + _HEAD_LINES]).partition("{")[0]
        said = _DERIVING.split(head, maxsplit=1)
        bases = _NAME.findall(_GENERIC.sub("", _QUALIFIER.sub("", said[1]))) if len(said) > 1 else []
        return not self._types.issuperset(set(bases) - _DERIVING_WORDS)

    def in_function(self, one: Defined) -> bool:
        """Tell whether a function holds the definition."""
        if one.path not in self._functions:
            functions = (s.qualified for s in one.facts.symbols if s.kind in {"function", "method"})
            self._functions[one.path] = frozenset(functions)
        return one.symbol.qualified.rpartition(".")[0] in self._functions[one.path]

    def looks_up(self, one: Defined) -> bool:
        """Tell whether the file looks its own names up by what is only known at run time."""
        if one.path not in self._looking_up:
            self._looking_up[one.path] = _LOOKED_UP.search(self._read(one.path) or "") is not None
        return self._looking_up[one.path]


Hidden = Callable[[Defined, str, _Known], bool]
Spared = Callable[[Defined, str, _Known], bool]


def _private_in_python(one: Defined, _head: str, known: _Known) -> bool:
    """Tell whether a part of its name begins with an underscore, or of its module's, or a function holds it.

    What is in a class of a private module may be used from elsewhere: others pass the class on.
    """
    parts = one.symbol.qualified.split(".")
    if len(parts) == 1:
        parts += one.path.removesuffix(".py").split("/")
    return any(part.startswith("_") and not part.endswith("__") for part in parts) or known.in_function(one)


def _spared_in_python(one: Defined, head: str, known: _Known) -> bool:
    if known.looks_up(one):
        return True
    decorators = [line for line in head.split("\n") if line.lstrip().startswith("@")]
    if any(not _PLAIN_DECORATOR.match(line.strip()) for line in decorators):
        return True
    name = one.symbol.name if one.symbol.kind == "class" else one.symbol.qualified.rpartition(".")[0]
    # What stands in for something else has the methods of that, whoever calls them.
    if one.symbol.kind == "method" and (_PROTOCOL.fullmatch(one.symbol.name) or _STAND_IN.match(name)):
        return True
    return one.symbol.kind in {"class", "method"} and known.bases.may_be_called(name.rpartition(".")[2], one.symbol)


def _private_in_script(one: Defined, head: str, _known: _Known) -> bool:
    if _DECLARATIONS.search(one.path):
        return False
    if one.symbol.kind == "method":
        return one.symbol.name.startswith("#") or re.search(r"\bprivate\b", head) is not None
    return re.search(r"\bexport\b", head) is None


def _spared_in_script(one: Defined, head: str, known: _Known) -> bool:
    """A method, or a function that is an object's property, may be called by whom the object is handed to."""
    if one.symbol.kind == "method":
        return not _private_in_script(one, head, known) or "@" in head
    return "@" in head or not re.search(
        rf"\b(?:function|class|const|let|var|enum|interface|type)\s*\*?\s+{re.escape(one.symbol.name)}\b", head
    )


def _private_in_go(one: Defined, _head: str, _known: _Known) -> bool:
    return one.symbol.name[:1].islower() or "/internal/" in f"/{one.path}"


def _spared_in_go(one: Defined, _head: str, _known: _Known) -> bool:
    return one.symbol.kind == "method" and one.symbol.name[:1].isupper()  # an interface elsewhere may ask for it


def _private_by_word(word: str, *, there: bool) -> Hidden:
    pattern = re.compile(rf"\b{word}\b")
    return lambda _one, head, _known: (pattern.search(head) is not None) is there


def _spared_in_classes(one: Defined, head: str, known: _Known) -> bool:
    """What a base or an interface from elsewhere may call is public, or protected."""
    if one.symbol.kind == "method" and not re.search(r"\bprivate\b", head) and known.derives_from_elsewhere(one):
        return True
    return _spared_with_marks(one, head, known)


def _spared_in_java(one: Defined, head: str, known: _Known) -> bool:
    return _SERIALIZING.fullmatch(one.symbol.name) is not None or _spared_in_classes(one, head, known)


def _spared_with_marks(one: Defined, head: str, _known: _Known) -> bool:
    """Attributes, annotations and overriding are how frameworks and interfaces find what they call."""
    return one.symbol.name.startswith("__") or re.search(r"@\w|#\[|^\s*\[\w|\boverride\b|\bvirtual\b", head) is not None


def _spared_in_rust(one: Defined, head: str, known: _Known) -> bool:
    in_trait = one.symbol.kind == "method" or (one.symbol.kind == "type" and "." in one.symbol.qualified)
    # A name with an underscore in front says that it is not used, and is there for the compiler.
    return in_trait or one.symbol.name.startswith("_") or _spared_with_marks(one, head, known)


def _spared_in_c(one: Defined, head: str, known: _Known) -> bool:
    by_name = _LOADED_BY_NAME.fullmatch(one.symbol.name) is not None
    return by_name or one.symbol.kind != "function" or _spared_with_marks(one, head, known)


def _spared_in_c_sharp(one: Defined, head: str, known: _Known) -> bool:
    """A static class may hold methods that extend others: it is they that are named."""
    return re.search(r"\bstatic\s+(?:partial\s+)?class\b", head) is not None or _spared_in_classes(one, head, known)


def _private_in_ruby(one: Defined, head: str, known: _Known) -> bool:
    """Tell whether `private` stands before the definition, or on a line of its own above it in the same class."""
    if re.search(r"\bprivate\s+def\b", head):
        return True
    before = known.lines(one)[: one.symbol.line - 1]
    said = (
        line.strip() for line in reversed(before) if re.match(r"\s*(?:private|public|protected|class|module)\b", line)
    )
    return next(said, "") == "private"


def _spared_in_ruby(one: Defined, _head: str, known: _Known) -> bool:
    """What derives from something, or mixes something in, may be asked for anything, and Rails asks by name."""
    text = "\n".join(known.lines(one))
    asked = _RUBY_CALLS.fullmatch(one.symbol.name) or _RAILS.search(one.path) or _RUBY_SENDS.search(text)
    outer = one.symbol.name if one.symbol.kind == "class" else one.symbol.qualified.rpartition(".")[0]
    derived = rf"^\s*class\s+(?:\w+::)*{re.escape(outer.rpartition('.')[2])}\s*<|^\s*(?:include|prepend|extend)\s"
    # `name=`, `name?` and `[]` are called without being said as they are defined.
    plain = one.symbol.name.isidentifier()
    return not plain or bool(asked or re.search(derived, text, re.MULTILINE))


_SCRIPT: tuple[Hidden, Spared] = (_private_in_script, _spared_in_script)
_MARKED: tuple[Hidden, Spared] = (_private_by_word("private", there=True), _spared_with_marks)
_STATIC: tuple[Hidden, Spared] = (_private_by_word("static", there=True), _spared_in_c)
_LANGUAGES: Mapping[str, tuple[Hidden, Spared]] = {
    "python": (_private_in_python, _spared_in_python),
    "javascript": _SCRIPT,
    "typescript": _SCRIPT,
    "tsx": _SCRIPT,
    "go": (_private_in_go, _spared_in_go),
    "rust": (_private_by_word("pub", there=False), _spared_in_rust),
    "java": (_MARKED[0], _spared_in_java),
    "c-sharp": (_MARKED[0], _spared_in_c_sharp),
    "ruby": (_private_in_ruby, _spared_in_ruby),
    "php": (_MARKED[0], _spared_in_classes),
    "c": _STATIC,
    "cpp": _STATIC,
}
