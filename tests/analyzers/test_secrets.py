"""Secrets are found and never repeated: not in a title, a quote, or anywhere else."""

from __future__ import annotations

import base64
import random
import string
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fanfold.analyzers.secrets import Hit, _quote
from fanfold.models import Finding, Severity
from fanfold.sources.secrets import HIDDEN

if TYPE_CHECKING:
    from .conftest import Analyze, Tree

# Made here, so that no scanner takes this file for a leak.
_dice = random.Random(5)
_LETTERS = string.ascii_letters + string.digits


def made(length: int, alphabet: str = _LETTERS) -> str:
    return "".join(_dice.choice(alphabet) for _ in range(length))


GITHUB = "ghp_" + made(36)
SLACK = f"xoxb-{made(12, string.digits)}-{made(12, string.digits)}-{made(24)}"
AWS_ID, AWS_KEY = "AKIA" + made(16, string.ascii_uppercase + "234567"), made(40)
STRIPE = "sk_live_" + made(24)
OPENAI = f"sk-proj-{made(20)}T3BlbkFJ{made(20)}"
PASSWORD = made(18)
PEM_BODY = base64.b64encode(bytes(_dice.randrange(256) for _ in range(900))).decode()
PEM = (
    "-----BEGIN RSA PRIVATE KEY-----\n"
    + "\n".join(PEM_BODY[at : at + 64] for at in range(0, len(PEM_BODY), 64))
    + "\n-----END RSA PRIVATE KEY-----\n"
)


def leaks(secret: str, findings: tuple[Finding, ...]) -> bool:
    """Tell whether five characters in a row of a secret, wherever in it, are in what is reported."""
    told = "\n".join(finding.model_dump_json() for finding in findings)
    return any(secret[at : at + 5] in told for at in range(len(secret) - 4))


# The secret, the line it is on, what the title says of it, and what is shown in its place.
PLANTED = {
    "github.py": (GITHUB, '    TOKEN = "{}"', "github-pat (ghp_…)", f"ghp_…{HIDDEN}"),
    "slack.sh": (SLACK, "export SLACK={}", "slack-bot-token (xoxb…)", f"xoxb…{HIDDEN}"),
    "stripe.yaml": (STRIPE, "  key: {} # live", "stripe-access-token (sk_l…)", f"sk_l…{HIDDEN}"),
    ".env": (OPENAI, "OPENAI_API_KEY={}", "openai-api-key (sk-p…)", f"sk-p…{HIDDEN}"),
    "alone": (GITHUB, "{}", "github-pat (ghp_…)", f"ghp_…{HIDDEN}"),
    "uri.py": (
        PASSWORD,
        'db = "mysql://adm:{}@db.prod.internal/a"',
        "generic-credential-uri",
        f"{PASSWORD[:4]}…{HIDDEN}",
    ),
    "crlf.ini": (GITHUB, "clé = {}\r", "github-pat (ghp_…)", f"ghp_…{HIDDEN}"),
}


def test_a_secret_is_found_and_masked(tree: Tree, analyze: Analyze) -> None:
    """The finding names the kind, quotes the line with a mask, and holds no more than four letters of the secret."""
    texts = {name: "# settings\n" + line.format(secret) + "\n" for name, (secret, line, _, _) in PLANTED.items()}
    found = {finding.path: finding for finding in analyze("secrets", tree(texts)).findings}
    assert found.keys() == PLANTED.keys()
    for name, (secret, line, kind, shown) in PLANTED.items():
        finding = found[name]
        assert kind in finding.title
        assert (finding.line, finding.end_line, finding.mechanism) == (2, 2, "hardcoded-secret")
        assert finding.quote == line.format(shown).rstrip()
        assert not leaks(secret, (finding,))


def test_of_an_endless_line_is_quoted_what_stands_around(tree: Tree, analyze: Analyze) -> None:
    """Two hundred characters on either side of a secret are enough to find it by."""
    text = f'{"x" * 100_000} t="{GITHUB}"; {"y" * 100_000}\n'
    (finding,) = analyze("secrets", tree({"minified.js": text})).findings
    start, end = f'{"x" * 500} t="ghp_…{HIDDEN}', f'"; {"y" * 500}'
    assert finding.quote == start[-200:] + end[:200]


def test_a_private_key_is_quoted_by_its_first_line(tree: Tree, analyze: Analyze) -> None:
    """A key spans its lines, and only the line that says what it is, is repeated."""
    found = analyze("secrets", tree({"deploy.pem": PEM})).findings
    (finding,) = found
    assert finding.quote == "-----BEGIN RSA PRIVATE KEY-----"
    assert (finding.line, finding.end_line, finding.severity) == (1, PEM.count("\n"), Severity.HIGH)
    assert not any(leaks(line, found) for line in PEM.splitlines()[1:-1])


def test_two_secrets_on_a_line_do_not_tell_of_each_other(tree: Tree, analyze: Analyze) -> None:
    """Each of them is masked in the quote of either."""
    found = analyze("secrets", tree({"a.py": f'client(key="{GITHUB}", other="{SLACK}")\n'})).findings
    assert {finding.quote for finding in found} == {f'client(key="ghp_…{HIDDEN}", other="xoxb…{HIDDEN}")'}
    assert not leaks(GITHUB, found)
    assert not leaks(SLACK, found)


def test_a_pair_is_one_finding(tree: Tree, analyze: Analyze) -> None:
    """Key id and key of AWS are reported once, and neither is repeated."""
    code = f'login(aws_access_key_id="{AWS_ID}", aws_secret_access_key="{AWS_KEY}")\n'
    found = analyze("secrets", tree({"a.py": code})).findings
    assert len(found) == 1
    assert not leaks(AWS_ID, found)
    assert not leaks(AWS_KEY, found)


INVENTED = "hunter2-" + "Wh4leB0nes!"  # in two parts, so that this line holds none


def test_what_prompts_mask_is_found(tree: Tree, analyze: Analyze) -> None:
    """A lone access key id and a password that somebody made up are findings, but in tests and documents."""
    lines = {"id.py": f'KEY = "{AWS_ID}"\n', "é.py": f'é = 1\ndb_password = "{INVENTED}"\n'}
    others = {
        "tests/a.py": lines["id.py"] + lines["é.py"],
        "docs/a.md": lines["é.py"],
        "b.py": f'db_password = "{INVENTED}"  # nosec B105\n',
        "c.py": 'KEY = "AKIAIOSFODNN7EXAMPLE"\npassword = "your-password-1"\ntoken = os.environ["TOKEN_2"]\n',
    }
    findings = analyze("secrets", tree({**lines, **others})).findings
    found = {finding.path: finding for finding in findings}
    assert found.keys() == lines.keys()
    assert len(findings) == len(lines)
    assert (found["é.py"].line, found["é.py"].quote) == (2, f'db_password = "{HIDDEN}"')
    assert found["id.py"].title.endswith("aws-access-key-id (AKIA…)")
    assert not leaks(INVENTED, findings)
    assert not leaks(AWS_ID, findings)


def test_no_other_analyzer_repeats_it(tree: Tree, analyze: Analyze) -> None:
    """Whatever else is wrong with the line, its quote is masked."""
    findings = analyze("bandit", tree({"a.py": f'eval(x, password="{INVENTED}")\n'})).findings
    assert findings
    assert not leaks(INVENTED, findings)


@given(st.data())
def test_no_quote_holds_a_secret(data: st.DataObject) -> None:
    """Wherever hits are, on one line or many, apart or overlapping, a quote has four letters of one at the most."""
    layout = data.draw(st.text('a ="\n', max_size=60))
    # Each character occurs once, so that it tells which place it is from.
    text = "".join(chr(0x4E00 + at) if letter == "a" else letter for at, letter in enumerate(layout)).encode()
    spans = data.draw(st.lists(st.tuples(st.integers(0, len(text)), st.integers(1, 90)), min_size=1, max_size=4))
    hits = [
        Hit(rule="r", says="s", confidence="high", visible=True, start=at, end=min(at + size, len(text)), entropy=4)
        for at, size in spans
    ]
    for hit in hits:
        quote = _quote(text, hit, hits)
        assert "\n" not in quote
        for other in hits:
            secret = text[other.start : other.end].decode("utf-8", "ignore")
            assert len({letter for letter in secret if letter >= "\u4e00" and letter in quote}) <= len("ghp_")


def test_what_a_rule_leaves_of_a_secret_is_masked_too() -> None:
    """A rule that knows the beginning of a secret only gives nothing of the rest away."""
    text = b'key = "abcdefghijklmnopqrst/uvw+xyz=="; x = 1'
    hit = Hit(rule="r", says="s", confidence="high", visible=True, start=7, end=24, entropy=4)
    assert _quote(text, hit, [hit]) == f'key = "abcd…{HIDDEN}"; x = 1'


HARMLESS = [
    'password = os.environ["PASSWORD"]',
    'password = "changeme"',
    'api_key = "your-api-key-here"',
    f'sha256 = "{made(64, "0123456789abcdef")}"',
    'id = "123e4567-e89b-12d3-a456-426614174000"',
    'url = "https://user:password@example.com/"',
    "broker = 'amqp://guest:guest@localhost:5672//'",
    f"cache = 'redis://:{PASSWORD}@localhost:6379/0'",
    "commit: 4d2f5f5b8b5f6c4b1b3a2c1d0e9f8a7b6c5d4e3f",
    f'"integrity": "sha512-{made(86)}=="',
    'password: "{{ vault_password }}"',
    f'token = "{GITHUB}"  # pragma: allowlist secret',
    f'token = "{GITHUB}"  # kingfisher:ignore',
]


def test_what_only_looks_like_one_is_left_out(tree: Tree, analyze: Analyze) -> None:
    """Hashes, identifiers, placeholders, local defaults and marked lines are no findings."""
    root = tree({f"{number}.py": line + "\n" for number, line in enumerate(HARMLESS)})
    assert analyze("secrets", root).findings == ()


def test_tests_and_documents_make_some_up(tree: Tree, analyze: Analyze) -> None:
    """There, keys and passwords are fixtures; a provider's token is still a token, with less certainty."""
    uri = f"db = 'postgres://admin:{PASSWORD}@db.prod.internal/app'\n"
    names = ["tests/a.py", "docs/a.rst", "README.md", "examples/a.py"]
    root = tree({f"{name}.d/{number}": "" for number, name in enumerate(names)})
    for name in names:
        (root / name).parent.mkdir(exist_ok=True)
        (root / name).write_text(f"{uri}{PEM}\ntoken = '{GITHUB}'\n")
    found = analyze("secrets", root, names).findings
    assert [finding.path for finding in found] == names
    assert {(finding.severity, finding.confidence) for finding in found} == {(Severity.MEDIUM, 0.5)}


@pytest.mark.parametrize(
    "name",
    ["package-lock.json", "poetry.lock", "go.sum", "app.min.js", "app.js.map", "logo.svg", "Cargo.LOCK", "a.png"],
)
def test_what_machines_write_is_not_for_it(name: str) -> None:
    """Lock files, maps, minified code and images hold hashes by the thousand."""
    from fanfold.analyzers.secrets import SECRETS

    assert not SECRETS.wants(f"web/{name}")
    assert SECRETS.wants("web/.env")


def test_the_repository_has_no_say_but_on_its_lines(tree: Tree, analyze: Analyze) -> None:
    """No baseline or ignore file of any scanner turns it off."""
    ignore = {".gitleaksignore": "a.py:github-pat:1", ".gitignore": "a.py", ".kingfisherignore": "*"}
    root = tree({"a.py": f"t = '{GITHUB}'\n", ".gitleaks.toml": "[allowlist]\npaths = ['.*']\n", **ignore})
    assert len(analyze("secrets", root, ["a.py"]).findings) == 1


def test_a_digest_tells_values_apart_and_no_value(tree: Tree, analyze: Analyze) -> None:
    """The same secret has the same digest anywhere, another one another; that of a password is too short to tell it."""
    other = GITHUB[:8] + GITHUB[8:].swapcase()
    texts = {
        "a.py": f'login("{GITHUB}")\nlogin("{GITHUB}")\n',
        "b.py": f'TOKEN = "{GITHUB}"\n',
        "c.py": f'login("{other}")\n',
        "d.py": f'db_password = "{INVENTED}"\n',
        "e.py": f'password = "{INVENTED}"\n',
        "f.py": f'password = "{INVENTED[::-1]}"\n',
    }
    found = analyze("secrets", tree(texts)).findings
    digests = {path: {finding.digest for finding in found if finding.path == path} for path in texts}
    assert digests["a.py"] == digests["b.py"] != digests["c.py"]
    assert digests["d.py"] == digests["e.py"] != digests["f.py"]
    assert all(len(one) == 1 for one in digests.values())
    assert {len(digest) for digest in digests["d.py"] | digests["f.py"]} == {4}
    assert {len(digest) for digest in digests["a.py"] | digests["c.py"]} == {24}
