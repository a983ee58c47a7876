"""A credential is found where the SDK would find it."""

import json

import pytest

from fanfold.agents.backends import choose_backend
from fanfold.agents.credentials import credential_source

FEDERATED = {
    "ANTHROPIC_FEDERATION_RULE_ID": "r",
    "ANTHROPIC_ORGANIZATION_ID": "o",
    "ANTHROPIC_IDENTITY_TOKEN": "t",
}


@pytest.mark.parametrize(
    ("environ", "source"),
    [
        ({}, None),
        ({"ANTHROPIC_API_KEY": ""}, None),
        ({"ANTHROPIC_API_KEY": "secret-value"}, "ANTHROPIC_API_KEY"),
        ({"ANTHROPIC_AUTH_TOKEN": "secret-value"}, "ANTHROPIC_AUTH_TOKEN"),
        ({"ANTHROPIC_PROFILE": "work"}, "ANTHROPIC_PROFILE"),
        (FEDERATED, "workload identity"),
        ({"ANTHROPIC_ORGANIZATION_ID": "o"}, None),
    ],
)
def test_environment(environ, source, tmp_path):
    """Each kind is named by where it is, never by its value."""
    assert credential_source(environ, tmp_path) == source


def test_a_profile_counts_when_it_is_the_active_one(tmp_path):
    """A stray profile does not make a credential; the one that is active does."""
    folder = tmp_path / ".config" / "anthropic"
    (folder / "configs").mkdir(parents=True)
    (folder / "configs" / "work.json").write_text(json.dumps({}))
    assert credential_source({}, tmp_path) is None
    (folder / "active_config").write_text("work\n")
    assert credential_source({}, tmp_path) == "the active profile"


def test_auto_never_asks_for_a_key(tmp_path):
    """Without a credential `auto` is `none`, and says why; a backend that was asked for is taken."""
    assert choose_backend("auto", {}, tmp_path).name == "none"
    assert choose_backend("auto", {"ANTHROPIC_API_KEY": "k"}, tmp_path).name == "api"
    assert choose_backend("none", {"ANTHROPIC_API_KEY": "k"}, tmp_path).name == "none"
    assert "secret-value" not in choose_backend("auto", {"ANTHROPIC_API_KEY": "secret-value"}, tmp_path).reason
