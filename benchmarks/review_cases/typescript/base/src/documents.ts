import { NotFound } from "./errors.js";
import { requireRole } from "./permissions.js";
import type { Clock, Document, User, Workspace } from "./types.js";

const PAGE_SIZE = 50;
const DAY_MS = 86_400_000;

export interface DocumentStore {
  get(id: string): Promise<Document | undefined>;
  put(document: Document): Promise<void>;
  remove(id: string): Promise<void>;
  inWorkspace(workspaceId: string): Promise<Document[]>;
}

export class Documents {
  constructor(
    private readonly store: DocumentStore,
    private readonly clock: Clock,
  ) {}

  async read(user: User, id: string): Promise<Document> {
    const document = await this.store.get(id);
    if (!document) {
      throw new NotFound("the document");
    }
    requireRole(user, document.workspaceId, "viewer", "read this document");
    return document;
  }

  async list(user: User, workspace: Workspace, page = 1): Promise<Document[]> {
    requireRole(user, workspace.id, "viewer", "list documents");
    const size = workspace.settings.pageSize ?? PAGE_SIZE;
    const all = await this.store.inWorkspace(workspace.id);
    const current = all.filter((document) => document.archivedAt === null);
    current.sort((a, b) => b.updatedAt - a.updatedAt || a.id.localeCompare(b.id));
    return current.slice((page - 1) * size, page * size);
  }

  async rename(user: User, id: string, title: string): Promise<Document> {
    const document = await this.read(user, id);
    requireRole(user, document.workspaceId, "editor", "rename this document");
    const renamed = { ...document, title, updatedAt: this.clock.now() };
    await this.store.put(renamed);
    return renamed;
  }

  async archive(user: User, id: string): Promise<void> {
    const document = await this.read(user, id);
    requireRole(user, document.workspaceId, "editor", "archive this document");
    await this.store.put({ ...document, archivedAt: this.clock.now() });
  }

  /** How many whole days ago a document was archived. */
  protected archivedFor(document: Document): number {
    return document.archivedAt === null ? 0 : Math.floor((this.clock.now() - document.archivedAt) / DAY_MS);
  }
}
