import { Invalid } from "./errors.js";
import { requireRole } from "./permissions.js";
import type { DocumentStore } from "./documents.js";
import type { Clock, Document, User } from "./types.js";

export interface Row {
  title: string;
  body: string;
}

/** Reads tab-separated titles and bodies, one document a line. */
export function parseRows(text: string): Row[] {
  return text
    .split(/\r?\n/)
    .filter((line) => line.trim() !== "")
    .map((line, at) => {
      const [title, ...body] = line.split("\t");
      if (!title?.trim()) {
        throw new Invalid(`line ${at + 1} has no title`);
      }
      return { title: title.trim(), body: body.join("\t") };
    });
}

export class Importer {
  constructor(
    private readonly store: DocumentStore,
    private readonly clock: Clock,
    private readonly id: () => string,
  ) {}

  async import(user: User, workspaceId: string, text: string): Promise<Document[]> {
    requireRole(user, workspaceId, "editor", "import documents");
    const documents: Document[] = [];
    for (const row of parseRows(text)) {
      const document = this.document(user, workspaceId, row);
      await this.store.put(document);
      documents.push(document);
    }
    return documents;
  }

  private document(user: User, workspaceId: string, row: Row): Document {
    const now = this.clock.now();
    return { id: this.id(), workspaceId, ...row, createdBy: user.id, updatedAt: now, archivedAt: null };
  }
}
