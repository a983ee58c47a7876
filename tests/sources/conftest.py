"""Repositories that no setting of this machine reaches."""

import pytest

from fanfold.testing.repository import isolate_git


@pytest.fixture(autouse=True)
def _isolated(monkeypatch: pytest.MonkeyPatch) -> None:
    isolate_git(monkeypatch)
