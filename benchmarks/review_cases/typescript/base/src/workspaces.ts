import { NotFound } from "./errors.js";
import { requireRole } from "./permissions.js";
import type { User, Workspace } from "./types.js";

export interface WorkspaceStore {
  get(id: string): Promise<Workspace | undefined>;
  put(workspace: Workspace): Promise<void>;
}

export class Workspaces {
  constructor(private readonly store: WorkspaceStore) {}

  async get(user: User, id: string): Promise<Workspace> {
    requireRole(user, id, "viewer", "see this workspace");
    const workspace = await this.store.get(id);
    if (!workspace) {
      throw new NotFound("the workspace");
    }
    return workspace;
  }

  async setMembers(user: User, id: string, members: string[]): Promise<Workspace> {
    requireRole(user, id, "admin", "change the members of this workspace");
    const workspace = await this.get(user, id);
    const changed = { ...workspace, members: [...new Set(members)] };
    await this.store.put(changed);
    return changed;
  }
}
