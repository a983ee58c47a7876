import { fromEpoch } from "./core/time.js";
import { Http, type Fetch } from "./core/http.js";

export { ApiError } from "./core/errors.js";

/** Version 1 of the API: whatever it sends. */
export class Freight {
  private readonly http: Http;

  constructor(token: string, base = "https://api.freight.example", fetch?: Fetch) {
    this.http = new Http(base, token, fetch);
  }

  shipment(id: string): Promise<unknown> {
    return this.http.get(`/v1/shipments/${encodeURIComponent(id)}`);
  }

  async lastSeen(id: string): Promise<Date> {
    const event = (await this.http.get(`/v1/shipments/${encodeURIComponent(id)}/last-event`)) as { at: number };
    return fromEpoch(event.at);
  }
}
