import assert from "node:assert/strict";
import { EventEmitter } from "node:events";

import { Feed } from "../src/feed.js";

const bus = new EventEmitter();
const feed = new Feed(bus, { every: () => 1, stop: () => undefined });
let close = () => {};
const chunks: string[] = [];
feed.subscribe("w", { write: (chunk) => chunks.push(chunk) > 0, onClose: (handler) => void (close = handler) });
feed.publish({ workspaceId: "w", documentId: "d", kind: "updated", at: 1 });
assert.equal(chunks.length, 1);
close();
assert.equal(bus.listenerCount("change"), 0);
