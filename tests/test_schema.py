"""The schema of run.json that others rely on is the one that the models have."""

import json
from pathlib import Path

import pytest

from fanfold.models import Run

SCHEMA = Path(__file__).resolve().parents[1] / "templates" / "run.schema.json"


def test_the_schema_is_fresh(request: pytest.FixtureRequest):
    """templates/run.schema.json is generated from the models; `pytest --accept` writes it anew."""
    fresh = json.dumps(Run.model_json_schema(mode="serialization"), indent=2) + "\n"
    if request.config.getoption("--accept"):
        SCHEMA.write_text(fresh, encoding="utf-8")
    assert SCHEMA.read_text(encoding="utf-8") == fresh


CONTRACT = {
    "": "format id skill status request target backend model coverage units findings dropped usage timing result",
    "target": "root description base head",
    "coverage": "planned ok failed timed_out refused over_budget cancelled not_run reused missing",
    "units": "key label kind status attempts hedged reused queued_s started_s ended_s usage error",
    "findings": "id fingerprint path line end_line aspect severity confidence verdict title explanation "
    "failure_scenario quote suggestion introduced sources suppressed",
    "dropped": "title path reason",
    "usage": "input_tokens cache_write_tokens cache_read_tokens output_tokens cost_usd cost_uncached_usd requests "
    "retries hedges errors",
    "timing": "wall_s worker_s speedup critical_path_s",
}


@pytest.mark.parametrize("part", CONTRACT)
def test_what_the_outside_relies_on_is_there(part):
    """Every field of format 1 is in the schema, and always written."""
    schema = json.loads(SCHEMA.read_text(encoding="utf-8"))
    node = schema
    if part:
        node = schema["properties"][part]
        reference = node.get("$ref") or node.get("items", {}).get("$ref")
        node = schema["$defs"][reference.rsplit("/", 1)[-1]]
    assert set(CONTRACT[part].split()) <= set(node["properties"])
    assert set(CONTRACT[part].split()) <= set(node["required"])
