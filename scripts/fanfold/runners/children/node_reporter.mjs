// A reporter for node's test runner (18.15 and later): one line of JSON for the start and the end of each test, written
// as it happens, so that a run which is ended keeps what it had. It depends on nothing.
import { resolve } from "node:path";

const text = (value) => (value === undefined || value === null ? undefined : String(value));

function told(type, data) {
  const error = data.details?.error;
  const cause = error?.cause ?? error;
  return {
    name: data.name,
    nesting: data.nesting,
    file: data.file,
    line: data.line,
    column: data.column,
    ms: data.details?.duration_ms,
    suite: (data.details?.type ?? data.type) === "suite" || undefined,
    skip: data.skip,
    todo: data.todo,
    failure: error?.failureType,
    error: typeof cause === "object" ? text(cause?.name ?? cause?.constructor?.name) : undefined,
    message: text(typeof cause === "object" ? cause?.message : cause),
    stack: text(cause?.stack),
    code: error?.exitCode ?? undefined,
    stderr: type === "test:fail" && data.nesting === 0 ? said.get(resolve(data.file ?? "")) : undefined,
  };
}

// The end of what each file's process wrote: all that tells why one failed that did not load.
const said = new Map();
const kept = 8000;

// Starts and results are held back until what was written before them in the file is over; that a test is
// waiting, taken up or done is told at once.
const kinds = {
  "test:enqueue": "queued",
  "test:dequeue": "taken",
  "test:complete": "done",
  "test:start": "start",
  "test:pass": "pass",
  "test:fail": "fail",
};

export default async function* report(source) {
  for await (const { type, data } of source) {
    const kind = kinds[type];
    // Node 22 names the file here as it was given, and in results by its whole path.
    const file = type === "test:stderr" && resolve(data.file ?? "");
    if (file) said.set(file, ((said.get(file) ?? "") + data.message).slice(-kept));
    if (kind) yield JSON.stringify([kind, told(type, data)]) + "\n";
  }
}
