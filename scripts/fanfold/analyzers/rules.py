"""Which rules of ruff and bandit are reported, how bad each is, and why it is worth a reader's minute.

A rule is here when what it reports is nearly always true and nearly always acted upon. Left out are rules
of taste (unused imports, `zip` without `strict`, `raise` without `from`), rules that flag a library rather
than a fault (S4xx imports, S310 `urlopen`, S312 and S321 clear-text protocols, S311 `random`, S313 to S319
XML, which no longer expands entities without bound since expat 2.4.1), rules that flag every use of a
normal function (S101 `assert`, S603 and S607 `subprocess`, S601 `exec_command`, S108 `/tmp`), S105 to S107,
which guess at passwords (the `secrets` analyzer finds those that are some), and rules whose gain is too
small to see (PERF203, PERF401, PERF403).

Severity: high when the line fails or is exploitable as it runs, medium when it does something else than it
seems to, low when it misleads or wastes. Confidence is how often a reader agrees, judged in three steps on
published projects.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from fanfold.analyzers.files import Place, SourceFile
from fanfold.models import Finding, Severity, Verdict
from fanfold.sources.beside import is_test
from fanfold.sources.secrets import mask

SURE, LIKELY, POSSIBLE = 0.9, 0.7, 0.5


@dataclass(frozen=True, slots=True)
class Rule:
    """How a rule's reports are ranked, and what goes wrong where it is broken."""

    aspect: str
    severity: Severity
    confidence: float
    why: str


def _rules(aspect: str, severity: Severity, confidence: float, whys: Mapping[str, str]) -> dict[str, Rule]:
    return {code: Rule(aspect, severity, confidence, why) for code, why in whys.items()}


_FAILS = {
    "F404": "A late __future__ import is a syntax error.",
    "F407": "Importing an unknown __future__ feature is a syntax error.",
    "F501": "The format string is invalid: ValueError when the line runs.",
    "F502": "The format needs a mapping and gets something else: TypeError when the line runs.",
    "F503": "The format needs a sequence and gets something else: TypeError when the line runs.",
    "F505": "The format names a key that is not given: KeyError when the line runs.",
    "F506": "Named and positional fields can't be mixed: the line raises.",
    "F507": "Placeholders and values differ in number: TypeError when the line runs.",
    "F508": "`*` in a format needs a sequence: the line raises.",
    "F509": "The format character doesn't exist: ValueError when the line runs.",
    "F521": "The format string is invalid: ValueError when the line runs.",
    "F524": "The format names a value that is not given: KeyError or IndexError when the line runs.",
    "F525": "Automatic and manual numbering can't be mixed: ValueError when the line runs.",
    "F621": "Too many expressions in a starred assignment: a syntax error.",
    "F622": "Two starred expressions in one assignment: a syntax error.",
    "F633": "`>>` on the print function raises TypeError.",
    "F634": "A tuple that is not empty is always true: the branch is always taken.",
    "F701": "`break` outside of a loop is a syntax error.",
    "F702": "`continue` outside of a loop is a syntax error.",
    "F704": "`yield` outside of a function is a syntax error.",
    "F706": "`return` outside of a function is a syntax error.",
    "F707": "A bare `except` that is not the last is a syntax error.",
    "F821": "The name is nowhere defined: NameError when the line runs.",
    "F823": "The name is local and not yet set: UnboundLocalError when the line runs.",
    "B016": "Only exceptions can be raised: TypeError instead of the error that was meant.",
    "B030": "The `except` clause names no exception: TypeError when something is caught.",
    "PLE0100": "`yield` in __init__ makes it a generator: the class can't be instantiated.",
    "PLE0101": "__init__ must return None: TypeError when the class is instantiated.",
    "PLE0115": "A name can't be both nonlocal and global: a syntax error.",
    "PLE0117": "The nonlocal name has no binding: a syntax error.",
    "PLE0118": "The name is used before its `global`: a syntax error.",
    "PLE0237": "The attribute is not in __slots__: AttributeError when the line runs.",
    "PLE0241": "A base class is listed twice: TypeError when the class is made.",
    "PLE0302": "The special method has the wrong number of parameters: TypeError when Python calls it.",
    "PLE0303": "__len__ must return an integer that is not negative: TypeError or ValueError when it is called.",
    "PLE0304": "__bool__ must return a bool: TypeError when it is called.",
    "PLE0305": "__index__ must return an integer: TypeError when it is called.",
    "PLE0307": "__str__ must return a string: TypeError when it is called.",
    "PLE0308": "__bytes__ must return bytes: TypeError when it is called.",
    "PLE0309": "__hash__ must return an integer: TypeError when it is called.",
    "PLE0643": "The index is beyond the end: IndexError when the line runs.",
    "PLE1132": "A keyword is given twice: TypeError when the line runs.",
    "PLE1142": "`await` outside of an async function is a syntax error.",
    "PLE1300": "The format character doesn't exist: ValueError when the line runs.",
    "PLE1307": "The value doesn't fit the format: TypeError when the line runs.",
    "PLE1700": "`yield from` in an async function is a syntax error.",
    "PLW0177": "NaN equals nothing, itself included: the comparison is always false.",
    "PLW1501": "The mode doesn't exist: ValueError when the file is opened.",
    "RUF016": "The index has the wrong type: TypeError when the line runs.",
    "G101": "The key is one that log records have: KeyError when the line runs.",
    "ASYNC105": "The call is not awaited: it never happens.",
}

_SURPRISES = {
    "F402": "The loop overwrites an imported name.",
    "F601": "A key is given twice: the first value is lost.",
    "F602": "A key is given twice: the first value is lost.",
    "F631": "A tuple that is not empty is always true: the assertion can't fail.",
    "F632": "`is` compares identity: for a literal the result depends on the interpreter.",
    "F811": "The first definition is never used: of two tests of one name only the last runs.",
    "F822": "__all__ names what doesn't exist: `import *` raises AttributeError.",
    "F901": "NotImplemented is no exception: TypeError instead of NotImplementedError.",
    "B002": "Python has no `++`: the value doesn't change.",
    "B003": "Assigning to os.environ doesn't change the environment that child processes see.",
    "B005": "strip() takes a set of characters, not a prefix: it removes more than it seems to.",
    "B006": "The default is made once and shared by all calls: what one call adds, the next one sees.",
    "B012": "Leaving `finally` this way swallows the exception that is in flight.",
    "B015": "The result of the comparison is dropped: an `assert` or an assignment is missing.",
    "B022": "suppress() without arguments suppresses nothing.",
    "B025": "An exception is handled twice: the second handler is never reached.",
    "B029": "`except ()` catches nothing.",
    "B031": "The group can be read once: the second time it is empty.",
    "B032": "An annotation without a value assigns nothing.",
    "B034": "The positional argument is the count, not the flags (or the reverse).",
    "B035": "Every round writes the same key: one entry remains.",
    "B039": "The default is shared by all contexts.",
    "PLE0116": "`continue` in `finally` swallows the exception that is in flight.",
    "PLE0604": "__all__ may hold strings alone: `import *` raises TypeError.",
    "PLE0605": "__all__ is a tuple or a list: `import *` fails.",
    "PLE1205": "More arguments than placeholders: the log line is lost, an error is printed instead.",
    "PLE1206": "Fewer arguments than placeholders: the log line is lost, an error is printed instead.",
    "PLE1310": "strip() takes a set of characters: it removes more than it seems to.",
    "PLE1507": "The name of an environment variable must be a string: TypeError when the line runs.",
    "PLE1519": "singledispatch on a method dispatches on `self`.",
    "PLE1520": "singledispatchmethod on a function fails when it is called.",
    "PLW0129": "A string is always true (or always false): the assertion checks nothing.",
    "PLW0131": "The name's value is used nowhere.",
    "PLW0133": "The exception is made and not raised.",
    "PLW0245": "`super` without brackets is the class itself: AttributeError when the line runs.",
    "PLW0711": "`except A or B` catches A alone.",
    "PLW1507": "A shallow copy of os.environ changes the environment itself.",
    "PLW2101": "The lock is made for this `with` alone: it excludes nobody.",
    "RUF006": "Nothing holds the task: it may be collected before it ends, and its exception is lost.",
    "RUF008": "The default is shared by all instances.",
    "RUF018": "With -O the assertion goes, and the assignment with it.",
    "RUF024": "All keys share one value: a change to one changes them all.",
    "RUF026": "default_factory is positional only: as a keyword it becomes an entry.",
    "RUF032": "A float literal is inexact before Decimal sees it.",
    "RUF033": "The default in __post_init__ hides the field's.",
    "RUF034": "Both branches are the same.",
    "RUF049": "A dataclass that is an Enum loses its members' identity.",
    "RUF060": "Nothing is in an empty collection: the condition is constant.",
    "ASYNC100": "No await inside: the timeout can't take effect.",
}

_MISLEADS = {
    "F406": "`import *` inside a function is a syntax error.",
    "F504": "A named value is used by no placeholder.",
    "F522": "A named value is used by no placeholder.",
    "F523": "A value is used by no placeholder.",
    "F841": "The value is assigned and never used: a call is missing, or the name is wrong.",
    "B014": "An exception is listed with its own base class.",
    "B021": "An f-string is no docstring.",
    "B026": "Positional after keyword arguments: they are given in another order than written.",
    "PLW0128": "A name is assigned twice in one assignment.",
    "RUF030": "The message of the assertion is a call to print(), which returns None.",
    "RUF040": "The message of the assertion is no string: the brackets are wrong.",
    "RUF048": "A version isn't made of integers alone: int() fails on a release candidate.",
    "RUF068": "__all__ lists a name twice.",
    "S110": "Every error is swallowed, those that nobody thought of included.",
    "S112": "Every error is swallowed, those that nobody thought of included.",
}

_SOMETIMES = {
    "RUF071": "commonprefix() compares characters: it gives paths that don't exist.",
    "B008": "The default is computed once, when the function is defined: every call sees the same value.",
    "RUF009": "The default is computed once and shared by all instances.",
    "S113": "Without a timeout a server that says nothing holds the program for ever.",
}

_BLOCKS = {
    "ASYNC210": "The call blocks the event loop until the server answers.",
    "ASYNC212": "The call blocks the event loop until the server answers.",
    "ASYNC220": "Starting a process this way blocks the event loop.",
    "ASYNC221": "The event loop stands still until the process has ended.",
    "ASYNC222": "The event loop stands still until the process has ended.",
    "ASYNC250": "The event loop stands still until somebody types a line.",
    "ASYNC251": "The event loop stands still for the whole time.",
}

_SLOW = {
    "ASYNC110": "Polling with sleep wastes time: an Event says when.",
    "ASYNC230": "Opening a file blocks the event loop.",
    "PERF101": "The list is made for the loop alone.",
    "RUF017": "sum() of lists copies all of them again at each step: quadratic time.",
}

_EXPLOITABLE = {
    "S201": "Flask's debugger runs any code that a visitor sends it.",
    "S501": "Without certificate checks anybody on the way can read and change the traffic.",
    "S506": "yaml.load() builds any object that the document names, and so runs its code.",
    "S602": "What reaches the shell is more than a constant: a value with a `;` in it is a command.",
    "S605": "What reaches the shell is more than a constant: a value with a `;` in it is a command.",
    "PLE2502": "Bidirectional control characters make the code read otherwise than it runs (Trojan Source).",
}

_UNSAFE = {
    "S202": "An archive's member can be written outside of the target folder.",
    "S304": "The cipher is broken.",
    "S305": "The cipher mode shows patterns of the plain text.",
    "S306": "Between mktemp() and opening somebody else can make the file.",
    "S323": "The context checks no certificates.",
    "S502": "The protocol version is broken.",
    "S505": "The key is too short to withstand an attack.",
    "S507": "Without host key checks anybody on the way can pose as the server.",
    "S508": "SNMP before version 3 has no encryption.",
    "S509": "SNMP without encryption or authentication can be read and changed on the way.",
    "S609": "A wildcard can expand to file names that are options.",
    "S612": "listen() runs code that whoever reaches the port sends.",
    "S613": "Bidirectional control characters make the code read otherwise than it runs (Trojan Source).",
    "RUF064": "A decimal mode sets other permissions than its digits say.",
}

_DOUBTFUL = {
    "S302": "marshal crashes on, or is misled by, data that somebody else wrote.",
    "S102": "exec() runs whatever its argument says.",
    "S301": "Unpickling runs code that the data names: safe only for data that nobody else can write.",
    "S307": "eval() runs whatever its argument says.",
    "S308": "What mark_safe() gets is shown as HTML: from a user it is a script.",
    "S604": "An argument named `shell` is true: the value may reach a shell.",
    "S608": "Values pasted into SQL can change the statement: pass them as parameters.",
    "S610": "extra() takes raw SQL: values pasted in can change the statement.",
    "S611": "RawSQL() takes raw SQL: values pasted in can change the statement.",
    "S614": "torch.load() unpickles: it runs code that the file names.",
    "S615": "Without a pinned revision the download can change under you.",
    "S701": "Without autoescape what a user typed is shown as HTML.",
    "S702": "Mako doesn't escape: what a user typed is shown as HTML.",
    "S703": "What mark_safe() gets is shown as HTML: from a user it is a script.",
    "S704": "What Markup() gets is shown as HTML: from a user it is a script.",
}

_EXPOSED = {
    "S504": "Without a version the protocol may fall back to a broken one.",
    "S503": "The default protocol version is broken.",
    "S103": "Everybody may write to the file, or run it.",
    "S303": "The hash can be forged.",
    "S324": "The hash can be forged; when that doesn't matter, usedforsecurity=False says so.",
    "S104": "The port is open on every network interface.",
    "PLE2510": "An invisible control character makes the code read otherwise than it runs.",
    "PLE2512": "An invisible control character makes the code read otherwise than it runs.",
    "PLE2513": "An invisible control character makes the code read otherwise than it runs.",
    "PLE2514": "An invisible control character makes the code read otherwise than it runs.",
    "PLE2515": "An invisible character makes the code read otherwise than it runs.",
}

RULES: Mapping[str, Rule] = {
    **_rules("correctness", Severity.HIGH, SURE, _FAILS),
    **_rules("correctness", Severity.MEDIUM, SURE, _SURPRISES),
    **_rules("correctness", Severity.MEDIUM, POSSIBLE, _SOMETIMES),
    **_rules("correctness", Severity.LOW, LIKELY, _MISLEADS),
    **_rules("performance", Severity.MEDIUM, LIKELY, _BLOCKS),
    **_rules("performance", Severity.LOW, LIKELY, _SLOW),
    **_rules("security", Severity.HIGH, LIKELY, _EXPLOITABLE),
    **_rules("security", Severity.MEDIUM, LIKELY, _UNSAFE),
    **_rules("security", Severity.MEDIUM, POSSIBLE, _DOUBTFUL),
    **_rules("security", Severity.LOW, POSSIBLE, _EXPOSED),
}
"""By ruff's code. `S` and three digits are bandit's test `B` and the same three digits."""


_NOQA = re.compile(r"#\s*noqa\b(?:\s*:\s*([\w,\s]+))?", re.IGNORECASE)
_IN_TESTS = frozenset({"F601", "F602", "F631", "F632", "F811", "B015", "PLW0129", "RUF018", "RUF060"})


def counts(code: str, path: str) -> bool:
    """Tell whether a rule's reports on a file are worth a reader's minute.

    In test code only what fails is, and what keeps a test from failing: its shortcuts are meant.
    """
    rule = RULES.get(code)
    if rule is None or not is_test(path):
        return rule is not None
    return code in _IN_TESTS or (rule.aspect, rule.severity) == ("correctness", Severity.HIGH)


def decided(code: str, line: str, text: str) -> bool:
    """Tell whether a security rule matches what its author has seen and meant, or what isn't what it looks like."""
    if code in {"S110", "S112"}:  # "broad-except", whichever way it is spelled
        return "pylint: disable" in line or "# noqa" in line
    if code in {"S610", "S611"}:  # methods of that name are found elsewhere too
        return "django" not in text
    noqa = _NOQA.search(line)
    return noqa is not None and (not noqa[1] or code in noqa[1].upper())


def finding(file: SourceFile, place: Place, rule: Rule, *, title: str, source: str, mechanism: str = "") -> Finding:
    """Return what a rule reports of some lines of a file; `source` is `analyzer:rule`.

    Secrets in the lines are masked, as they are in what sub-agents see and quote.
    """
    return Finding(
        path=file.path,
        line=place.line,
        end_line=place.end_line,
        aspect=rule.aspect,
        severity=rule.severity,
        confidence=rule.confidence,
        verdict=Verdict.PLAUSIBLE,
        title=mask(title),
        explanation=rule.why,
        quote=mask(place.quote),
        sources=(source,),
        mechanism=mechanism,
    )


def fault(code: str) -> str:
    """Return the name of the fault that a rule reports, the same for the same fault in another analyzer."""
    if code[:1] == "S" and code[1:].isdigit():
        return f"bandit-{code[1:]}"
    return {"F821": "undefined-name", "PLE2502": "bandit-613"}.get(code, "")
