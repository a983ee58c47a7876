"""Prompt-cache accounting: what is read, written and paid in full, and when an entry can be read."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fanfold.testing.prompt import PromptBlock, TokenCounter, prompt_of
from fanfold.testing.prompt_cache import CacheUse, PromptCache
from fanfold.testing.rejections import MODELS

OPUS = MODELS["claude-opus-5-5"]
MARK = {"type": "ephemeral"}


def _text(tokens: int, mark: dict[str, str] | None = None, letter: str = "x") -> dict[str, Any]:
    block: dict[str, Any] = {"type": "text", "text": letter * tokens}
    return block | ({"cache_control": mark} if mark else {})


def _request(*blocks: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"model": OPUS.id, "messages": [{"role": "user", "content": list(blocks)}], **more}


class Client:
    """Calls a cache as the server does, with one character a token."""

    def __init__(self) -> None:
        self.cache = PromptCache()

    def look(self, request: dict[str, Any], now_s: float = 0.0) -> CacheUse:
        model = MODELS[request["model"]]
        return self.cache.look_up(prompt_of(request, model, TokenCounter(1.0)), model.cache_minimum, now_s)

    def call(self, request: dict[str, Any], now_s: float = 0.0) -> tuple[int, int, int]:
        """Do a whole request at one moment; returns tokens in full, written, read."""
        use = self.look(request, now_s)
        self.cache.start(use, now_s)
        self.cache.begin_answer(use, now_s)
        return use.full, use.write, use.read


def test_write_then_read() -> None:
    """The first call writes the marked prefix, the second reads it; what follows is paid in full."""
    client = Client()
    assert client.call(_request(_text(1000, MARK), _text(7))) == (7, 1000, 0)
    assert client.call(_request(_text(1000, MARK), _text(9, letter="y"))) == (9, 0, 1000)


def test_together_all_write() -> None:
    """Requests that start before the first answer begins all pay the write."""
    client = Client()
    uses = [client.look(_request(_text(1000, MARK), _text(place + 1))) for place in range(3)]
    assert [use.write for use in uses] == [1000, 1000, 1000]
    client.cache.begin_answer(uses[0], 0.0)
    assert client.look(_request(_text(1000, MARK))).read == 1000


def test_without_a_breakpoint_nothing_is_cached() -> None:
    """A prompt without `cache_control` is paid in full every time."""
    client = Client()
    for _ in range(2):
        assert client.call(_request(_text(5000))) == (5000, 0, 0)


@pytest.mark.parametrize(("model", "minimum"), [("claude-opus-5-5", 512), ("claude-haiku-4-5", 4096)])
def test_minimum_size(model: str, minimum: int) -> None:
    """A prefix of the model's minimum is cached, one token less is not."""
    client = Client()
    for tokens, cached in ((minimum - 1, 0), (minimum, minimum)):
        request = _request(_text(tokens, MARK), _text(1)) | {"model": model}
        client.call(request)
        assert client.look(request).read == cached


def test_breakpoints_build_on_each_other() -> None:
    """A longer prefix reads what is there and writes the rest; a shorter one reads its own end."""
    client = Client()
    shared, mine = _text(1000, MARK), _text(600, MARK, "y")
    assert client.call(_request(shared, mine, _text(5))) == (5, 1600, 0)
    assert client.call(_request(shared, _text(700, MARK, "z"))) == (0, 700, 1000)
    assert client.call(_request(shared, mine, _text(800, MARK))) == (0, 800, 1600)


@pytest.mark.parametrize(("between", "read"), [(19, 1000), (20, 0)])
def test_lookback(between: int, read: int) -> None:
    """A breakpoint finds an entry at most 20 positions back, its own counted."""
    client = Client()
    client.call(_request(_text(1000, MARK)))
    more = [_text(1, letter=chr(97 + place)) for place in range(between - 1)]
    assert client.look(_request(_text(1000), *more, _text(1, MARK))).read == read


def test_life_is_counted_from_the_last_use() -> None:
    """An entry lives for five minutes from the start of the last request that used it."""
    client = Client()
    request = _request(_text(1000, MARK))
    client.call(request, 0.0)
    client.call(request, 299.0)
    assert client.look(request, 598.9).read == 1000
    assert client.look(request, 599.0).read == 0


def test_life_of_a_slow_writer() -> None:
    """The five minutes of a new entry count from the start of its request, not of its answer."""
    client = Client()
    request = _request(_text(1000, MARK))
    client.cache.begin_answer(client.look(request, 0.0), 0.0)
    assert client.look(request, 300.0).read == 0


def test_an_hour() -> None:
    """A `ttl` of an hour is written apart and lives for an hour; shorter ones after it do not."""
    client = Client()
    request = _request(_text(1000, {"type": "ephemeral", "ttl": "1h"}), _text(600, MARK))
    use = client.look(request)
    assert (use.write_1h, use.write_5m) == (1000, 600)
    client.call(request)
    assert client.look(request, 3599.0).read == 1000


def test_an_answer_that_never_begins_writes_nothing() -> None:
    """A request that fails before its answer leaves nothing to read."""
    client = Client()
    request = _request(_text(1000, MARK))
    client.cache.start(client.look(request), 0.0)
    assert client.look(request).read == 0


BASE = _request(
    _text(1000, MARK),
    system="You review.",
    tools=[{"name": "grep", "input_schema": {"type": "object", "properties": {}}}],
    output_config={"effort": "low", "format": {"type": "json_schema", "schema": {"type": "string"}}},
)
OTHERS: dict[str, dict[str, Any]] = {
    "model": {"model": "claude-sonnet-5-5"},
    "system": {"system": "You review!"},
    "tools": {"tools": []},
    "order of keys": {"tools": [{"input_schema": {"type": "object", "properties": {}}, "name": "grep"}]},
    "effort": {"output_config": {**BASE["output_config"], "effort": "high"}},
    "format": {"output_config": {"effort": "low"}},
    "thinking": {"thinking": {"type": "adaptive", "display": "omitted"}},
    "role": {"messages": [{"role": "assistant", "content": BASE["messages"][0]["content"]}]},
}


@pytest.mark.parametrize("change", OTHERS)
def test_what_a_prefix_stands_on(change: str) -> None:
    """A change of anything that decides the prefix misses the cache."""
    client = Client()
    client.call(BASE)
    assert client.look(BASE).read > 1000
    assert client.look(BASE | OTHERS[change]).read == 0


SAME: dict[str, dict[str, Any]] = {
    "max_tokens": {"max_tokens": 9},
    "stream": {"stream": True},
    "adaptive said out loud": {"thinking": {"type": "adaptive"}},
    "string for a block": {"system": [{"type": "text", "text": "You review."}]},
    "metadata": {"metadata": {"user_id": "7"}},
}


@pytest.mark.parametrize("change", SAME)
def test_what_it_does_not_stand_on(change: str) -> None:
    """What does not change the prompt still reads the cache."""
    client = Client()
    client.call(BASE)
    assert client.look(BASE | SAME[change]).read > 1000


def test_the_default_effort_is_an_effort() -> None:
    """Saying the model's default effort and saying nothing is the same."""
    client = Client()
    client.call(_request(_text(1000, MARK)))
    assert client.look(_request(_text(1000, MARK), output_config={"effort": "medium"})).read == 1000


def test_a_breakpoint_is_not_part_of_the_prompt() -> None:
    """Moving a breakpoint does not change the prefix before it."""
    client = Client()
    client.call(_request(_text(1000, MARK), _text(10)))
    assert client.look(_request(_text(1000), _text(10, MARK))).read == 1000


def test_automatic_caching_marks_the_last_block() -> None:
    """A top-level `cache_control` caches all of the prompt, so a differing last block never reads."""
    client = Client()
    assert client.call(_request(_text(1000), _text(8), cache_control=MARK)) == (0, 1008, 0)
    assert client.call(_request(_text(1000), _text(8, letter="y"), cache_control=MARK)) == (0, 1008, 0)


def test_many_prefixes_do_not_pile_up() -> None:
    """Expired entries are dropped when there are many."""
    cache = PromptCache()
    for number in range(10_002):
        block = PromptBlock(str(number).encode(), 1000, 300.0)
        cache.begin_answer(cache.look_up([block], 512, float(number)), float(number))
    assert len(cache._expires_s) <= 10_001 - 9_000


_BLOCKS = st.lists(st.tuples(st.integers(1, 900), st.sampled_from("ab"), st.booleans()), max_size=6)


@given(st.lists(st.tuples(_BLOCKS, st.floats(0, 400)), max_size=8))
def test_the_parts_add_up(calls: list[tuple[list[tuple[int, str, bool]], float]]) -> None:
    """Whatever is sent and when: the parts are never negative and add up to the prompt; a repeat reads it all."""
    client, now_s = Client(), 0.0
    for blocks, pause_s in calls:
        now_s += pause_s
        request = _request(*(_text(tokens, MARK if marked else None, letter) for tokens, letter, marked in blocks))
        full, write, read = client.call(request, now_s)
        assert min(full, write, read) >= 0
        assert full + write + read == sum(tokens for tokens, _, _ in blocks)
        again = client.look(request, now_s)
        assert (again.read, again.write) == (read + write, 0)


def test_tokens_round_up_by_block() -> None:
    """Tokens are characters by the ratio, rounded up for each block; JSON counts in its compact form."""
    counter = TokenCounter(2.8)
    assert counter.count("x" * 28) == 10
    assert counter.count("x" * 29) == 11
    assert counter.count({"a": [1, 2]}) == counter.count('{"a":[1,2]}')
    assert counter.cut("x" * 100, 10) == "x" * 28
