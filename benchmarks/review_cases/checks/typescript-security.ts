import assert from "node:assert/strict";

import { Comments } from "../src/comments.js";
import { Documents } from "../src/documents.js";
import type { Comment, User } from "../src/types.js";

const document = { id: "d", workspaceId: "w", title: "", body: "", createdBy: "a", updatedAt: 1, archivedAt: null };
const comment: Comment = { id: "c", documentId: "d", authorId: "a", body: "x", createdAt: 1 };
let removed = false;
const documents = new Documents(
  { get: async () => document, put: async () => {}, remove: async () => {}, inWorkspace: async () => [] },
  { now: () => 1 },
);
const comments = new Comments(
  { get: async () => comment, put: async () => {}, remove: async () => void (removed = true), on: async () => [] },
  documents,
  { now: () => 1 },
  () => "c",
);
const guest: User = {
  id: "g",
  name: "G",
  email: "g@e",
  memberships: [
    { workspaceId: "w", role: "viewer" },
    { workspaceId: "own", role: "owner" },
  ],
};
await assert.rejects(comments.remove(guest, "c"));
assert.equal(removed, false);
