import assert from "node:assert/strict";

import { policyOf } from "../src/policy.js";

const workspace = { id: "w", name: "W", ownerIds: [], members: [], settings: { retentionDays: 0 } };
assert.equal(policyOf(workspace).retentionDays, 0);
