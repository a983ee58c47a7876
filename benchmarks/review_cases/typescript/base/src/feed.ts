import type { EventEmitter } from "node:events";

export interface Change {
  workspaceId: string;
  documentId: string;
  kind: "created" | "updated" | "archived";
  at: number;
}

/** What a connected browser looks like to us: a server-sent event stream. */
export interface Stream {
  write(chunk: string): boolean;
  onClose(handler: () => void): void;
}

/** Sends the changes of a workspace to whoever listens to it. */
export class Feed {
  constructor(private readonly bus: EventEmitter) {}

  publish(change: Change): void {
    this.bus.emit("change", change);
  }

  subscribe(workspaceId: string, stream: Stream): void {
    const forward = (change: Change) => {
      if (change.workspaceId === workspaceId) {
        stream.write(`event: ${change.kind}\ndata: ${JSON.stringify(change)}\n\n`);
      }
    };
    this.bus.on("change", forward);
    stream.onClose(() => this.bus.off("change", forward));
  }
}
