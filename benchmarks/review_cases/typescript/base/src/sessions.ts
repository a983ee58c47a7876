import { randomBytes } from "node:crypto";

import { parseDuration } from "./durations.js";
import type { Clock, Settings } from "./types.js";

const DEFAULT_LIFETIME = "12h";

export interface Session {
  token: string;
  userId: string;
  expiresAt: number;
}

export class Sessions {
  private readonly sessions = new Map<string, Session>();

  constructor(private readonly clock: Clock) {}

  open(userId: string, settings: Settings): Session {
    const lifetime = parseDuration(settings.sessionLifetime ?? DEFAULT_LIFETIME);
    const token = randomBytes(32).toString("base64url");
    const session = { token, userId, expiresAt: this.clock.now() + lifetime * 1000 };
    this.sessions.set(token, session);
    return session;
  }

  find(token: string): Session | undefined {
    const session = this.sessions.get(token);
    if (session && session.expiresAt <= this.clock.now()) {
      this.sessions.delete(token);
      return undefined;
    }
    return session;
  }

  close(token: string): void {
    this.sessions.delete(token);
  }
}
