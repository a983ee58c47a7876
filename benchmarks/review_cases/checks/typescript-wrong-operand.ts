import assert from "node:assert/strict";

import { describe, difference } from "../src/audit.js";

const before = { id: "w", name: "W", ownerIds: ["ada", "bob"], members: ["ada", "bob"], settings: {} };
assert.deepEqual(describe(difference(before, { ...before, ownerIds: ["ada"] })), ["bob: no longer owner"]);
