"""What a dry run knows of a backend without opening it."""

import pytest

from fanfold.agents.backends import BACKENDS, NO_BACKEND, REPLAY, Choice, Premises, open_backend
from fanfold.agents.recording import Entry, Failure, lines_of
from fanfold.agents.tools.toolbox import Toolbox
from fanfold.cli.pricing import as_planned, can_look_up
from fanfold.skills.request import Options
from fanfold.sources.target import resolve


@pytest.mark.parametrize("recorded", [True, False])
@pytest.mark.parametrize("name", BACKENDS)
def test_whether_agents_can_look_things_up_is_what_the_backend_says(repository, tmp_path, name, recorded):
    """For every backend, as it is opened for a review; nothing is made to find out."""
    file = tmp_path / "recording.jsonl"
    failure = Failure(name="Refused", message="no")
    file.write_text(lines_of([Entry(key="k", role="r", interactive=recorded, failure=failure)]))
    replay = str(file) if name == REPLAY else None
    told = can_look_up(Choice(name, "as asked"), Options(backend=name, replay=replay))
    assert not (repository.root / ".fanfold").exists()
    if name == "claude-code":
        # Whether its CLI is here is no matter.
        assert told
        return
    toolbox = Toolbox(resolve((), cwd=repository.root))
    backend = open_backend(name, Premises(toolbox, repository.root / ".fanfold", file, "20260101-000000-abcd"))
    assert backend is not None
    assert told is backend.interactive


def test_without_a_backend_the_plan_is_that_of_the_api():
    """Set apart from what would be done; who asks for no sub-agent is planned none."""
    found_none = Choice(NO_BACKEND, "no credential")
    assert can_look_up(found_none, Options()) is True
    assert can_look_up(found_none, Options(backend=NO_BACKEND)) is None
    assert as_planned(["cost  $1"], Choice("api", "as asked")) == ["cost  $1"]
    assert as_planned(["cost  $1"], found_none) == ["with --backend api, which needs a credential:", "  cost  $1"]
