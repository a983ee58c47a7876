import { Forbidden, Invalid, NotFound } from "./errors.js";
import { requireRole } from "./permissions.js";
import type { Documents } from "./documents.js";
import type { Clock, Comment, User } from "./types.js";

export interface CommentStore {
  get(id: string): Promise<Comment | undefined>;
  put(comment: Comment): Promise<void>;
  on(documentId: string): Promise<Comment[]>;
}

export class Comments {
  constructor(
    private readonly store: CommentStore,
    private readonly documents: Documents,
    private readonly clock: Clock,
    private readonly id: () => string,
  ) {}

  async add(user: User, documentId: string, body: string): Promise<Comment> {
    const document = await this.documents.read(user, documentId);
    requireRole(user, document.workspaceId, "viewer", "comment on this document");
    if (body.trim() === "") {
      throw new Invalid("a comment says something");
    }
    const comment = { id: this.id(), documentId, authorId: user.id, body, createdAt: this.clock.now() };
    await this.store.put(comment);
    return comment;
  }

  async on(user: User, documentId: string): Promise<Comment[]> {
    await this.documents.read(user, documentId);
    const comments = await this.store.on(documentId);
    return comments.sort((a, b) => a.createdAt - b.createdAt);
  }

  async edit(user: User, id: string, body: string): Promise<Comment> {
    const comment = await this.store.get(id);
    if (!comment) {
      throw new NotFound("the comment");
    }
    if (comment.authorId !== user.id) {
      throw new Forbidden("edit somebody else's comment");
    }
    const edited = { ...comment, body };
    await this.store.put(edited);
    return edited;
  }
}
