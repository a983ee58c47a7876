"""What a reviewer would open next: whole functions, heads, imports, call sites; once, and within an allowance."""

import re

from hypothesis import given
from hypothesis import strategies as st

from fanfold.agents.prices import estimate_tokens
from fanfold.models import Finding, Severity
from fanfold.skills.code_review.context import Surroundings
from fanfold.skills.code_review.view import Part, view_target
from fanfold.sources.anchors import line_hash
from fanfold.testing.examples import changed, target

HELPERS = "".join(f"def helper_{n}(x):\n    return x\n\n\n" for n in range(30))
TOTAL = """\
def total(rows, tax=0):
    found = 0
    for row in rows:
        found += row.price
    return json.dumps(found)
"""
SHOP = f"import json\nimport os\n\n\n{HELPERS}{TOTAL}"
CALLER = "from shop import total\n\n\ndef bill(rows):\n    fee = 3\n    return total(rows) + fee\n"


def shop():
    return changed(
        {"shop.py": SHOP.replace("row.price", "row.cost"), "caller.py": CALLER}, {"shop.py": SHOP, "caller.py": CALLER}
    )


def around(about, allowance=8_000, evidence=()):
    part = Part(1, 1, view_target(about, evidence))
    return part.text, Surroundings.of(about, evidence).text(part, allowance)


def numbers(text):
    return [int(n) for n in re.findall(r"^ *(\d+)#[0-9a-f]{3}[ +]\|", text, re.MULTILINE)]


def test_the_function_around_a_hunk_is_shown_whole():
    """From its head to its end, with a few lines beside; nothing of the helpers far above."""
    view, _ = around(shop())
    first, last = SHOP[: SHOP.index("def total")].count("\n") + 1, SHOP.count("\n")
    assert set(range(first, last + 1)) <= set(numbers(view))
    assert "helper_20" not in view


def test_imports_in_use_and_call_sites_come_beside_it():
    """The import that the function uses, not the one that it doesn't; the caller, with lines around it."""
    _, text = around(shop())
    assert f"1#{line_hash('import json')} | import json" in text
    assert "import os" not in text
    assert "=== caller.py: uses total ===" in text
    assert "return total(rows) + fee" in text


def test_no_line_is_shown_twice():
    """What stands in the change is not in the surroundings again."""
    view, text = around(shop())
    own = text.partition("=== caller.py")[0]
    assert not set(numbers(view)) & set(numbers(own))


def test_what_does_not_fit_is_said():
    """Never silently cropped."""
    _, text = around(shop(), allowance=30)
    assert "did not fit; look them up]" in text


def test_a_long_function_gives_its_head():
    """Twenty lines on either side of the hunk, and the line that says whose they are."""
    body = "".join(f"    value_{n} = {n}\n" for n in range(400))
    about = changed({"a.py": f"def long(x):\n{body}"}, {"a.py": f"def long(x):\n{body}".replace("= 200\n", "= 201\n")})
    view, text = around(about)
    assert len(numbers(view)) < 60
    assert "| def long(x):" in text


def test_secrets_are_not_shown_beside_the_change():
    """Neither by their look, nor where a scan found them, nor a file that is there to hold them."""
    token = "ghp_" + "16C7e42F292c6912E7710c838347Ae178B4a"
    caller = f'KEY = "{token}"\nfound = total([], word)  # {token}\nPASS = odd\n'
    files = {"shop.py": SHOP, "caller.py": caller, ".env": "X=total\nSECRET=1234\n"}
    about = changed({**files, "shop.py": SHOP.replace("row.price", "row.cost")}, files)
    scan = Finding(
        path="caller.py", line=3, end_line=3, aspect="security", severity=Severity.HIGH, confidence=0.9, title="t",
        quote="PASS = ", sources=("secrets:x",),
    )  # fmt: skip
    _, text = around(about, evidence=[scan])
    assert "found = total([], word)" in text
    assert token not in text
    assert "PASS = odd" not in text
    assert "1234" not in text


def test_a_target_without_a_base_has_no_surroundings():
    """Every line of it is shown already."""
    about = target((), {"a.py": "x = 1\n"}, whole=True)
    assert around(about)[1] == ""


LINES = st.lists(st.sampled_from(["def f():", "    x = g()", "import g", "class A:", "    def m(self): pass", "", "}"]))
TEXT = LINES.map(lambda lines: "".join(f"{line}\n" for line in lines))


@given(TEXT, TEXT, st.integers(0, 400))
def test_whatever_stands_there_it_fits(before, after, allowance):
    """Any code at all: within the allowance but for the last line, and the same every time."""
    if before == after:
        return
    about = changed({"a.py": before, "b.py": after}, {"a.py": after, "b.py": after})
    part = Part(1, 1, view_target(about))
    text = Surroundings.of(about).text(part, allowance)
    assert text == Surroundings.of(about).text(part, allowance)
    kept = text.rpartition("\n\n")[0] if "did not fit" in text else text
    assert estimate_tokens(kept) <= allowance + 2 * text.count("\n\n")
