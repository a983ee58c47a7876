import { parseDuration } from "./durations.js";
import { Invalid } from "./errors.js";
import type { Clock, Role } from "./types.js";

export interface Invitation {
  code: string;
  workspaceId: string;
  role: Role;
  expiresAt: number;
}

export class Invitations {
  private readonly open = new Map<string, Invitation>();

  constructor(
    private readonly clock: Clock,
    private readonly code: () => string,
  ) {}

  invite(workspaceId: string, role: Role, validFor = "7d"): Invitation {
    const expiresAt = this.clock.now() + parseDuration(validFor) * 1000;
    const invitation = { code: this.code(), workspaceId, role, expiresAt };
    this.open.set(invitation.code, invitation);
    return invitation;
  }

  /** Each invitation can be taken once, until it expires. */
  take(code: string): Invitation {
    const invitation = this.open.get(code);
    this.open.delete(code);
    if (!invitation || invitation.expiresAt <= this.clock.now()) {
      throw new Invalid("this invitation is no longer valid");
    }
    return invitation;
  }
}
