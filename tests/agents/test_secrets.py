"""What is masked and what stays, and which files are never read out."""

import pytest

from fanfold.agents.secrets import HIDDEN, mask

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
}


@pytest.mark.parametrize("kind", TOKENS)
@pytest.mark.parametrize("around", ["{}", 'x = "{}"', "X={}\n", "see {} here", "curl -H '{}'", "+  - {}\r\n", "({})"])
def test_known_tokens_are_masked(kind, around):
    """Nothing of a token but its kind is left, wherever it stands, and the rest of the line stays."""
    text = around.format(TOKENS[kind])
    masked = mask(text)
    assert HIDDEN in masked
    assert body(8) not in masked
    assert "QYLP" not in masked
    before, after = around.split("{}")
    assert masked.startswith(before)
    assert masked.endswith(after)
    assert mask(masked) == masked
