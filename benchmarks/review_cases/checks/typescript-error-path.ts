import assert from "node:assert/strict";

import { Invalid } from "../src/errors.js";
import { Importer } from "../src/import.js";
import type { Document, User } from "../src/types.js";

const user: User = { id: "u", name: "U", email: "u@e", memberships: [{ workspaceId: "w", role: "editor" }] };
const kept: Document[] = [];
const store = {
  get: async () => undefined,
  put: async (document: Document) => {
    if (document.title === "Bad") {
      throw new Invalid("too long");
    }
    kept.push(document);
  },
  remove: async () => undefined,
  inWorkspace: async () => kept,
};
const imported = await new Importer(store, { now: () => 1 }, () => "d").import(user, "w", "Bad\tx\nGood\ty");
assert.equal(imported.skipped[0]?.reason, "too long");
assert.deepEqual(kept.map((document) => document.title), ["Good"]);
