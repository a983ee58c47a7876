export type Role = "owner" | "admin" | "editor" | "viewer";

export interface Membership {
  workspaceId: string;
  role: Role;
}

export interface User {
  id: string;
  name: string;
  email: string;
  memberships: Membership[];
}

export interface Document {
  id: string;
  workspaceId: string;
  title: string;
  body: string;
  createdBy: string;
  updatedAt: number;
  archivedAt: number | null;
}

export interface Comment {
  id: string;
  documentId: string;
  authorId: string;
  body: string;
  createdAt: number;
}

export interface Settings {
  /** Days that archived documents are kept; 0 deletes them at once. */
  retentionDays?: number;
  /** How long a session lasts, as "30m", "12h" or "7d". */
  sessionLifetime?: string;
  /** Most documents that a page of a listing has. */
  pageSize?: number;
}

export interface Workspace {
  id: string;
  name: string;
  ownerIds: string[];
  members: string[];
  settings: Settings;
}

export interface Clock {
  now(): number;
}
