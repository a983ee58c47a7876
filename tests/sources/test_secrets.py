"""What is masked and what stays, and which files are never read out."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fanfold.sources.secrets import HIDDEN, holds_secrets, mask, may_be_read

# Made up, and put together here so that no scanner takes this file for a leak.
_BODY = "Zq9Lm2Xp7Kw4Rt8Vb3Nc6Hd1Jf5Gs0Ty" * 8


def body(length):
    return _BODY[:length]


TOKENS = {
    "aws": "AKIA" + "QYLPMN5HHHFPZAM2",
    "github": "ghp_" + body(36),
    "github-fine": "github_pat_" + body(82),
    "gitlab": "glpat-" + body(20),
    "slack": "xoxb-" + "2938475610-" + body(24),
    "slack-webhook": "https://hooks.slack.com/services/" + "T0" + body(8) + "/B0" + body(8) + "/" + body(24),
    "stripe": "sk_live_" + body(24),
    "google": "AIza" + body(35),
    "openai": "sk-proj-" + body(64),
    "openai-old": "sk-" + body(48),
    "anthropic": "sk-ant-api03-" + body(95),
    "npm": "npm_" + body(36),
    "pypi": "pypi-AgE" + body(80),
    "jwt": f"eyJ{body(24)}.eyJ{body(40)}.{body(43)}",
    "sendgrid": f"SG.{body(22)}.{body(43)}",
    "url": f"postgres://admin:{body(12)}@db.internal:5432/main",
    "bearer": f"Authorization: Bearer {body(40)}",
    "azure": f"AccountKey={body(86)}==",
    "hugging-face": "hf_" + "ZqLmXpKwRtVbNcHdJfGsTyZqLmXpKwRtVb",
    "telegram": f"1234567890:AA{body(33)}",
    "terraform": f"{body(14)}.atlasv1.{body(67)}",
    "mailchimp": "8e0b4c1d9f3a7e2b6c5d0f1a4e8b7c3d-us12",
    **{prefix: prefix + body(40) for prefix in ("glptt-", "sntrys_", "pplx-", "tvly-", "figd_", "xkeysib-", "nfp_")},
}


@pytest.mark.parametrize("kind", TOKENS)
@pytest.mark.parametrize("around", ["{}", 'x = "{}"', "X={}\n", "see {} here", "curl -H '{}'", "+  - {}\r\n", "({})"])
def test_known_tokens_are_masked(kind, around):
    """Nothing of a token but its kind is left, wherever it stands, and the rest of the line stays."""
    text = around.format(TOKENS[kind])
    masked = mask(text)
    assert HIDDEN in masked
    assert body(8) not in masked
    assert not any(secret in masked for secret in ("QYLP", "ZqLm", "4c1d"))
    before, after = around.split("{}")
    assert masked.startswith(before)
    assert masked.endswith(after)
    assert mask(masked) == masked


ASSIGNED = [
    'password = "hY7$kq9!Lm2@xZ4p"',
    "DB_PASSWORD=hY7kq9Lm2xZ4p",
    "  password: hY7kq9Lm2x",
    '{"api_key": "a8Kq93jLmz0PqX", "x": 1}',
    "const apiKey = `Zx9kQ2mv8L`;",
    "self.secret: str = 'Zx9kQ2mv8L'",
    "<password>hY7kq9Lm2x</password>",
    "export API_TOKEN=9f86d081884c7d659a2feaa0c55ad015",
    'if password == "Zx9kQ2mv8L":',
    'client_secret => "123e4567-e89b-42d3-a456-426614174000"',
    "https://user:pa55w0rdX@host/",
    "aws_secret_access_key = tJalr7XUtnF5MI/K7MDENG/bPxRfiCYzQ9",
    "\u0130 PASSWORD = 'Zx9kQ2mv8L'",
]


@pytest.mark.parametrize("line", ASSIGNED)
def test_random_values_of_secret_names_are_masked(line):
    """The value goes, its name stays."""
    masked = mask(f"a\n{line}\nb")
    assert HIDDEN in masked
    assert masked.split("\n")[0::2] == ["a", "b"]
    assert masked.split("\n")[1][:6] == line[:6]
    assert not any(secret in masked for secret in ("q9Lm2", "Kq93", "9kQ2", "d081", "4567-e89b", "pa55", "7XUtn"))


STAYS = [
    "AKIAIOSFODNN7EXAMPLE",
    "aws_secret_access_key = wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
    "sk_test_4eC39HqLyjWDarjtT1zdp7dc",
    "ghp_" + "x" * 36,
    "sk-ant-api03-" + "." * 3,
    "xoxb-your-token-goes-here",
    'password = "test-password"',
    'token = "access_token"',
    'password = "changeme123"',
    "password: ${DB_PASSWORD}",
    'api_key = os.environ["API_KEY_2"]',
    "token: Optional[str] = None",
    "private_key: PKCS7PrivateKeyTypes,",
    "PrivateKey = openssl.hpke.MLKEM768X25519PrivateKey",
    '"password": "OAuth2PasswordBearer"',
    "https://user:password@example.com/",
    "postgres://postgres:postgres@localhost/db",
    "mongodb+srv://u:${PW}@h",
    "commit 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b",
    '"integrity": "sha512-Zx9kQ2mv8LZx9kQ2mv8LZx9kQ2mv8LZx9kQ2mv8L=="',
    "secretstorage==3.3.3 --hash=sha256:f356e6628222568e3af06f2eba8df495efa13b3b63081dafd4f7d9a7b7bc9f99",
    "js-tokens@^4.0.0, js-tokens@4.0.1",
    "id = '123e4567-e89b-42d3-a456-426614174000'",
    "task-list-with-checkboxes-and-a-very-long-name-of-forty",
    "eyJ is how every JSON Web Token begins",
    "BEGIN = '-----BEGIN PRIVATE KEY-----'",
    "ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAABgQC7 user@host",
    HIDDEN,
]


@pytest.mark.parametrize("line", STAYS)
def test_what_documents_tests_and_lock_files_hold_stays(line):
    """Examples, variables, words, hashes, ids and public keys are no secrets."""
    assert mask(line) == line


PEM = "-----BEGIN RSA PRIVATE KEY-----\n" + f"{body(64)}\n" * 4 + f"{body(10)}==\n-----END RSA PRIVATE KEY-----"
IN_JSON = PEM.replace("\n", "\\n")
PROGRAM = """
BEGIN = "-----BEGIN RSA PRIVATE KEY-----"
def certificate_authority_private_key_of(file_name):
    return file_name.partition(BEGIN)[2]
END = "-----END RSA PRIVATE KEY-----"
"""


@pytest.mark.parametrize(
    "text",
    [
        PEM,
        f"x = 1\n{PEM}\ny = 2\n",
        f'{{"private_key": "{IN_JSON}", "x": 1}}',
        "".join(f"+    {line}\n" for line in PEM.split("\n")),
        "".join(f"{number}#a3f+| {line}\n" for number, line in enumerate(PEM.split("\n"), 1200)),
        PEM.rpartition("\n")[0],  # its end is cut off
        f"{PEM.rpartition(chr(10))[0]}\nx = 1\n",
        PEM.replace("\n", "\r\n"),
    ],
)
def test_private_keys_are_masked_line_by_line(text):
    """Nothing of the key is left; its first and last line are, and every line keeps its place and its prefix."""
    masked = mask(text)
    assert body(12) not in masked
    assert "BEGIN RSA PRIVATE KEY" in masked
    assert ("END RSA" in masked) == ("END RSA" in text)
    assert masked.count("\n") == text.count("\n")
    assert [line[:6] for line in masked.split("\n") if "#a3f" in line] == [
        line[:6] for line in text.split("\n") if "#a3f" in line
    ]
    assert mask(masked) == masked
    assert ("x = 1" in masked) == ("x = 1" in text)


def test_a_program_that_looks_for_keys_stays():
    """Between its marks stands code, not a key."""
    assert mask(PROGRAM) == PROGRAM


PIECES = [
    *TOKENS.values(),
    *ASSIGNED,
    *STAYS,
    PEM,
    PROGRAM,
    "-----BEGIN PRIVATE KEY-----",
    "-----END ",
    "password",
    "=",
]
MIXED = st.lists(
    st.sampled_from([*PIECES, "\n", "\r\n", " ", '"', "'", ":", "…", "[", "]", "\u0130"]) | st.text(max_size=9)
)


@given(MIXED)
def test_a_mask_is_its_own_mask_and_keeps_the_lines(parts):
    """Masking twice is masking once, whatever stands beside whatever; and no line comes or goes."""
    text = "".join(parts)
    masked = mask(text)
    assert mask(masked) == masked
    assert masked.count("\n") == text.count("\n")


@pytest.mark.parametrize(
    "piece",
    ["-----BEGIN PRIVATE KEY-----", "-----BEGIN PRIVATE KEY-----\n", "eyJ", "eyJa.", "://a:", 'password="a1B2c3D4e5',
     "gl", "sk-",
     "token : str ", "-----BEGIN RSA PRIVATE KEY-----\n" + "A" * 64 + "\n", "ghp_" + "a" * 35 + " ", "\n" * 9 + "key"],
)  # fmt: skip
def test_text_made_against_the_rules_is_masked_in_linear_time(piece):
    """A megabyte of what a rule begins with ends within the patience of a test run; a quadratic rule would not."""
    text = piece * (2**20 // len(piece))
    assert mask(text).count("\n") == text.count("\n")


WITHHELD = [
    ".env", ".env.local", "a/.env.production", "prod.env", ".envrc", "id_rsa", "keys/id_ed25519", ".netrc", ".pgpass",
    ".aws/credentials", "credentials.json", "config/secrets.yml", "app-secrets.yaml", ".git-credentials", "store.p12",
    "server.pfx", "release.keystore", "vault.kdbx", "terraform.tfstate", "client_secret_1.json", ".htpasswd",
    "config/master.key", "service-account.json", "CREDENTIALS.CSV",
]  # fmt: skip
READABLE = [
    ".env.example", ".env.sample", "secrets.yml.dist", "credentials.py", "src/secrets.ts", "test_credentials.go",
    "environment.py",
    "id_rsa.pub", "credentials.md", "docs/secrets.md", "env", "envs/a.py", "secrets_test.rb",
    "package-lock.json", ".npmrc", "server.pem", "tsconfig.json", "settings.xml",
]  # fmt: skip


@pytest.mark.parametrize("path", WITHHELD)
def test_files_that_are_there_for_secrets_are_known_by_name(path):
    """By its name alone such a file is never read out."""
    assert not may_be_read(path)
    assert holds_secrets(path, "")


@pytest.mark.parametrize("path", READABLE)
def test_code_about_secrets_is_read(path):
    """A program, a document or an example that is called like a secret is read like any other."""
    assert may_be_read(path)


@pytest.mark.parametrize(
    ("path", "text", "withheld"),
    [
        ("server.pem", PEM, True),
        ("server.pem", "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n", False),
        ("server.key", "raw key material", True),
        ("notes.txt", f"\n{PEM}", True),
        ("docs/tls.md", f"Make a key:\n\n{PEM}\n", False),
        ("sa.json", f'{{"client_email": "a@b", "private_key": "{IN_JSON}"}}', True),
        (".npmrc", "registry=https://registry.example.org/\n", False),
        (".npmrc", f"//registry.example.org/:_authToken=npm_{body(36)}\n", True),
        (".docker/config.json", '{"auths": {}}', False),
        ("gcp.py", 'KEY = sa["private_key"]  # begins with -----BEGIN PRIVATE KEY-----, see client_email', False),
        ("key.ppk", "", True),
        ("k.txt", "AGE-SECRET-KEY-1ABC", True),
    ],
)
def test_files_are_known_by_their_content_too(path, text, withheld):
    """A key is a key under any name, and a certificate is public under that of a key."""
    assert holds_secrets(path, text) == withheld
