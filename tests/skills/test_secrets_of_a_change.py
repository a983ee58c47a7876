"""A review shows no sub-agent a secret of the change, and still gets findings about it."""

from types import SimpleNamespace

from fanfold.models import Finding, Severity
from fanfold.skills.code_review.answer import Placer, ReportedFinding
from fanfold.skills.code_review.view import view_target
from fanfold.sources.secrets import HIDDEN
from fanfold.sources.target import resolve
from fanfold.testing.repository import Repository

SECRET = "Zq9Lm2Xp7Kw4Rt8Vb3Nc6Hd1Jf5Gs0Ty"  # noqa: S105  it opens nothing
KEY = ["-----BEGIN RSA PRIVATE KEY-----", *[f"{SECRET}{SECRET}"] * 80, "-----END RSA PRIVATE KEY-----"]


def repository_with_secrets(tmp_path) -> Repository:
    """Return a repository whose last commit changes files that hold secrets, one of them in the middle of a key."""
    repository = Repository.init(tmp_path / "project")
    lines = ["# How to", *KEY, "The end"]
    repository.write("docs/tls.md", "\n".join(lines) + "\n")
    repository.write("settings.py", f"DEBUG = True\nTOKEN = '{SECRET}'\n")
    repository.write(".env", f"PASSWORD={SECRET}\n")
    repository.commit("Before")
    lines[40] = lines[40][::-1]
    del lines[42]
    repository.write("docs/tls.md", "\n".join(lines) + "\n")
    repository.write("settings.py", f"DEBUG = False\nTOKEN = '{SECRET[::-1]}'\n")
    repository.write(".env", f"PASSWORD={SECRET[::-1]}\n")
    repository.commit("After")
    return repository


def test_no_view_of_a_change_holds_a_secret(tmp_path):
    """Neither what came nor what went, nor what stands around it: a key is known by the whole file, not by the hunk."""
    root = repository_with_secrets(tmp_path).root
    diff = Repository(root).git("diff", "HEAD~1", "HEAD")
    targets = [resolve(["HEAD"], cwd=root), resolve(["."], cwd=root), resolve([], cwd=root, diff=diff)]
    for target in targets:
        text = "\n".join(view.text for view in view_target(target))
        assert SECRET[:12] not in text
        assert SECRET[::-1][:12] not in text
        assert "settings.py" in text
        assert f"TOKEN = '{HIDDEN}'" in text
        assert "=== .env" in text
        assert "it holds secrets" in text


def test_a_finding_about_a_masked_line_has_its_place(tmp_path):
    """The quote is looked up in what was shown; a suggestion that would write a mask into the file is left out."""
    target = resolve(["HEAD"], cwd=repository_with_secrets(tmp_path).root)
    reported = ReportedFinding(
        aspect="security",
        path="settings.py",
        anchor="2",
        quote=f"TOKEN = '{HIDDEN}'",
        severity=Severity.HIGH,
        mechanism="hardcoded-secret",
        title="A secret",
        explanation="",
        failure_scenario="",
        suggestion=f"TOKEN = '{HIDDEN}'  # mended",
        evidence=(),
    )
    placed = Placer(target).place(reported, SimpleNamespace(aspects=("security",), sample=""), {})
    assert isinstance(placed, Finding)
    assert (placed.line, placed.quote, placed.suggestion) == (2, f"TOKEN = '{HIDDEN}'", None)
