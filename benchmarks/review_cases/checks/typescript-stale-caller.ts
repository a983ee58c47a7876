import assert from "node:assert/strict";

import { Invitations } from "../src/invitations.js";

const invitation = new Invitations({ now: () => 0 }, () => "code").invite("w", "viewer", "7d");
assert.equal(invitation.expiresAt, 7 * 86_400_000);
