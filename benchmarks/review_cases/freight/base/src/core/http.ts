import { ApiError } from "./errors.js";

export type Fetch = (url: string, init: RequestInit) => Promise<Response>;

export class Http {
  constructor(
    private readonly base: string,
    private readonly token: string,
    private readonly fetch: Fetch = globalThis.fetch,
  ) {}

  async get(path: string): Promise<unknown> {
    return this.send("GET", path);
  }

  async post(path: string, body: unknown): Promise<unknown> {
    return this.send("POST", path, body);
  }

  private async send(method: string, path: string, body?: unknown): Promise<unknown> {
    const headers = { Authorization: `Bearer ${this.token}`, "Content-Type": "application/json" };
    const init: RequestInit = { method, headers };
    if (body !== undefined) {
      init.body = JSON.stringify(body);
    }
    const response = await this.fetch(this.base + path, init);
    if (!response.ok) {
      throw new ApiError(response.status, await response.text());
    }
    return response.json();
  }
}
