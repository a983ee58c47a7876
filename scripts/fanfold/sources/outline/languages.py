"""Which languages have a grammar, by file name; what each grammar calls names and comments."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import PurePosixPath

_ATTRIBUTE = re.compile(r"\s*#\[")
_DECORATOR = re.compile(r"\s*@\w")
_TEMPLATE = re.compile(r"\s*template\s*<")


@dataclass(frozen=True, slots=True)
class Grammar:
    """A language with a tree-sitter wheel of its own: `queries/*.scm` say what it defines and imports.

    Those are of the name of the language, or those named by `queries`. `module` and `function` are where its grammar
    is; `leaves` the nodes that are a name, `branches` those at which a program branches, and `decides` the signs, each
    with spaces between. `comments` is the style in `text.comment_above`, `leading` what stands on lines of its own
    above a definition and belongs to it. `preprocessed` sources may hold alternatives of which one is compiled.
    """

    name: str
    module: str
    leaves: tuple[str, ...]
    function: str = "language"
    queries: tuple[str, ...] = ()
    comments: str = "slashes"
    leading: re.Pattern[str] | None = None
    preprocessed: bool = False
    branches: str = ""
    decides: str = "&& ||"

    @property
    def distribution(self) -> str:
        """Return the name that pip knows it by."""
        return self.module.replace("_", "-")


_SCRIPT = (
    "identifier",
    "property_identifier",
    "private_property_identifier",
    "shorthand_property_identifier",
    "shorthand_property_identifier_pattern",
)
_TYPED = (*_SCRIPT, "type_identifier")
_FIELDS = ("identifier", "type_identifier", "field_identifier")
_LOOPS = "if_statement for_statement while_statement do_statement"
_BRANCHES = {
    "python": "if_statement elif_clause for_statement while_statement except_clause case_clause conditional_expression"
    " boolean_operator for_in_clause",
    "script": f"{_LOOPS} for_in_statement switch_case catch_clause ternary_expression",
    "go": "if_statement for_statement expression_case type_case communication_case",
    "rust": "if_expression for_expression while_expression loop_expression match_arm",
    "java": f"{_LOOPS} enhanced_for_statement switch_label catch_clause ternary_expression",
    "c": f"{_LOOPS} case_statement conditional_expression for_range_loop catch_clause",
    "ruby": "if elsif unless while until for when rescue conditional in_clause if_modifier unless_modifier"
    " while_modifier until_modifier",
    "php": f"{_LOOPS} else_if_clause foreach_statement case_statement catch_clause conditional_expression"
    " match_conditional_expression",
    "c-sharp": f"{_LOOPS} foreach_statement switch_section switch_expression_arm catch_clause conditional_expression",
}

GRAMMARS: tuple[Grammar, ...] = (
    Grammar(
        "python",
        "tree_sitter_python",
        ("identifier",),
        comments="hash",
        leading=_DECORATOR,
        branches=_BRANCHES["python"],
    ),
    Grammar("javascript", "tree_sitter_javascript", _SCRIPT, leading=_DECORATOR, branches=_BRANCHES["script"]),
    Grammar(
        "typescript",
        "tree_sitter_typescript",
        _TYPED,
        "language_typescript",
        ("javascript", "typescript"),
        leading=_DECORATOR,
        branches=_BRANCHES["script"],
    ),
    Grammar(
        "tsx",
        "tree_sitter_typescript",
        _TYPED,
        "language_tsx",
        ("javascript", "typescript"),
        leading=_DECORATOR,
        branches=_BRANCHES["script"],
    ),
    Grammar("go", "tree_sitter_go", (*_FIELDS, "package_identifier"), branches=_BRANCHES["go"]),
    Grammar(
        "rust",
        "tree_sitter_rust",
        (*_FIELDS, "shorthand_field_identifier"),
        leading=_ATTRIBUTE,
        branches=_BRANCHES["rust"],
    ),
    Grammar(
        "java", "tree_sitter_java", ("identifier", "type_identifier"), leading=_DECORATOR, branches=_BRANCHES["java"]
    ),
    Grammar("c", "tree_sitter_c", _FIELDS, preprocessed=True, branches=_BRANCHES["c"]),
    Grammar(
        "cpp",
        "tree_sitter_cpp",
        (*_FIELDS, "namespace_identifier"),
        queries=("c", "cpp"),
        leading=_TEMPLATE,
        preprocessed=True,
        branches=_BRANCHES["c"],
    ),
    Grammar(
        "ruby",
        "tree_sitter_ruby",
        ("identifier", "constant", "simple_symbol"),
        comments="hash",
        branches=_BRANCHES["ruby"],
        decides="&& || and or",
    ),
    Grammar("php", "tree_sitter_php", ("name",), "language_php", leading=_ATTRIBUTE, branches=_BRANCHES["php"]),
    Grammar("c-sharp", "tree_sitter_c_sharp", ("identifier",), preprocessed=True, branches=_BRANCHES["c-sharp"]),
)
BY_NAME = {grammar.name: grammar for grammar in GRAMMARS}
# Languages that have no grammar here, by their files' extensions.
_OTHERS = (
    "asm bash clj cljs coffee cr dart elm erl ex exs f90 fs fsx gd groovy hs jl kt kts lisp lua m ml mli mm nim pas pl "
    "pm ps1 r rkt s scala sh sol sql svelte swift tcl v vb vhd vue zig zsh"
)
CODE = frozenset([*BY_NAME, *_OTHERS.split()])
"""Languages in which programs are written, as `language_of` calls them."""

_EXTENSIONS = {
    "python": "py pyi pyw",
    "javascript": "js cjs mjs jsx",
    "typescript": "ts cts mts",
    "tsx": "tsx",
    "go": "go",
    "rust": "rs",
    "java": "java",
    "c": "c h",
    "cpp": "cc cpp cxx c++ hh hpp hxx h++ ipp tpp inl cu cuh",
    "ruby": "rb rake gemspec",
    "php": "php phtml php5 php7 inc",
    "c-sharp": "cs csx",
}
_BY_EXTENSION = {extension: name for name, extensions in _EXTENSIONS.items() for extension in extensions.split()}
_BY_FILE = {"Rakefile": "ruby", "Gemfile": "ruby", "config.ru": "ruby", "SConstruct": "python", "SConscript": "python"}
_INTERPRETER = re.compile(r"#!.*?\b(python|node|ruby|php)[\d.]*\b")
_PHP = re.compile(r"\s*<\?(?:php|=)")
# What no C header holds outside of its comments, at the start of a line.
_CPP = re.compile(r"^\s*(?:class\s+\w+|namespace\b|template\s*<|using\s|public:|private:|protected:)", re.MULTILINE)
_MANUAL = re.compile(r"[1-9](?:[a-z]{1,2})?|n")  # sections of the manual: `git.1`, `open.3p`
_HEAD = 65_536  # characters in which a header shows its language


def language_of(path: str, text: str = "") -> str:
    """Return the language of a file: one of GRAMMARS, or else its extension in lower case, "" without one."""
    pure = PurePosixPath(path)
    extension = pure.suffix.lower().removeprefix(".")
    name = _BY_FILE.get(pure.name) or _BY_EXTENSION.get(extension)
    if name is None and not extension:
        shebang = _INTERPRETER.match(text[:200])
        name = {"node": "javascript"}.get(shebang[1], shebang[1]) if shebang else None
    if extension == "h" and _CPP.search(text[:_HEAD]):
        return "cpp"
    if extension == "inc" and not _PHP.match(text):
        return "inc"
    return name or ("man" if _MANUAL.fullmatch(extension) else extension)
