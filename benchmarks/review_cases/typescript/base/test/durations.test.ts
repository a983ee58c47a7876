import assert from "node:assert/strict";
import { test } from "node:test";

import { formatDuration, parseDuration } from "../src/durations.js";

test("durations are read", () => {
  assert.equal(parseDuration("1m") / parseDuration("30s"), 2);
  assert.throws(() => parseDuration("soon"), /not a duration/);
});

test("durations are written with their two largest units", () => {
  assert.equal(formatDuration(90), "1m 30s");
  assert.equal(formatDuration(0), "0s");
});
