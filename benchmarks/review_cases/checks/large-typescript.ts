/** One function for each bug, in the order of the labels. */
import assert from "node:assert/strict";

import { withQuery } from "../src/core/paths.js";
import { HttpTransport } from "../src/core/transport.js";
import { Addresses } from "../src/resources/addresses/client.js";
import { fromWire as readInvoice } from "../src/resources/invoices/codec.js";
import { Pickups } from "../src/resources/pickups/client.js";
import { toWire as writeShipment } from "../src/resources/shipments/codec.js";
import { fromWire as readEvent } from "../src/resources/tracking/codec.js";
import { Webhooks } from "../src/resources/webhooks/client.js";
import { FakeTransport } from "./fake.js";

const checks: (() => Promise<void> | void)[] = [
  async function waitsForAsLongAsTheServerSays() {
    const waited: number[] = [];
    const answers = [new Response("", { status: 429, headers: { "Retry-After": "3" } }), Response.json({})];
    const sleep = async (milliseconds: number) => void waited.push(milliseconds);
    const transport = new HttpTransport({ base: "", token: "t", fetch: async () => answers.shift()!, sleep });
    await transport.send({ method: "GET", path: "/a" });
    assert.deepEqual(waited, [3000]);
  },
  function falseIsAFilter() {
    assert.equal(withQuery("/v2/labels", { voided: false }), "/v2/labels?voided=false");
  },
  async function anIdStaysAnId() {
    const transport = new FakeTransport([{ status: 200 }]);
    await new Webhooks(transport).ping("../claims/c1");
    assert.equal(transport.sent[0]?.path, "/v2/webhooks/..%2Fclaims%2Fc1/ping");
  },
  function taxIsNotTheTotal() {
    const wire = { id: "i", version: 1, carrier_id: "c", number: "1", total_minor: 119, tax_minor: 19, currency: "EUR" };
    const times = { issued_at: "2026-03-02T00:00:00Z", due_at: "2026-04-02T00:00:00Z", paid_at: null };
    assert.equal(readInvoice({ ...wire, ...times }).tax.minor, 19);
  },
  function nothingIsAValue() {
    const wire = writeShipment({ insuredValue: { minor: 0, currency: "EUR" } });
    assert.equal(wire.insured_value_minor, 0);
  },
  async function aFailedCancellationIsHeardOf() {
    const pickup = { id: "p", version: 1, carrier_id: "c", address_id: "a", parcels: 1, status: "scheduled" };
    const window = { window_start: "2026-03-02T08:00:00Z", window_end: "2026-03-02T10:00:00Z" };
    let heard = false;
    process.on("unhandledRejection", () => undefined);
    const transport = {
      async send<T>(call: { method: string }): Promise<T> {
        if (call.method === "POST") {
          throw new Error("too late");
        }
        return { items: [{ ...pickup, ...window }], next: null } as T;
      },
      forget() {},
    };
    await new Pickups(transport).cancelAll("c").catch(() => (heard = true));
    assert.ok(heard);
  },
  function eventsAreOfThisMillennium() {
    const wire = { id: "t", version: 1, shipment_id: "s", code: "x", place: null, message: "", final: false };
    const at = Date.parse("2026-03-02T09:00:00Z");
    assert.equal(readEvent({ ...wire, occurred_at: at }).occurredAt.getTime(), at);
  },
  async function aChangedAddressIsReadAnew() {
    const wire = { id: "a", version: 2, name: "", street: "", city: "", postcode: "", country: "", phone: null };
    const transport = new FakeTransport([{ ...wire, residential: false }]);
    await new Addresses(transport).update("a", 1, { city: "Bonn" });
    assert.deepEqual(transport.forgotten, ["/v2/addresses/a"]);
  },
];

await checks[Number(process.env["CHECK"])]!();
