"""Repositories that no setting of this machine reaches."""

import pytest

from fanfold.testing.repository import ISOLATION


@pytest.fixture(autouse=True)
def _isolated(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep the git that the package runs away from the developer's configuration and from a hook's variables."""
    for name in ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_CONFIG_COUNT", "GIT_CONFIG_PARAMETERS"):
        monkeypatch.delenv(name, raising=False)
    for name, value in ISOLATION.items():
        monkeypatch.setenv(name, value)
