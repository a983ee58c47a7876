import type { Role, User } from "./types.js";
import { Forbidden } from "./errors.js";

const RANK: Record<Role, number> = { viewer: 0, editor: 1, admin: 2, owner: 3 };

/** The user's role in a workspace, or undefined for somebody from outside. */
export function roleIn(user: User, workspaceId: string): Role | undefined {
  return user.memberships.find((membership) => membership.workspaceId === workspaceId)?.role;
}

export function hasRole(user: User, workspaceId: string, least: Role): boolean {
  const role = roleIn(user, workspaceId);
  return role !== undefined && RANK[role] >= RANK[least];
}

/** Throws Forbidden unless the user has at least that role in the workspace. */
export function requireRole(user: User, workspaceId: string, least: Role, what: string): void {
  if (!hasRole(user, workspaceId, least)) {
    throw new Forbidden(what);
  }
}
