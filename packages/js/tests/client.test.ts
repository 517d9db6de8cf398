import { setTimeout as pause } from "node:timers/promises";
import { describe, expect, test, vi } from "vitest";

import {
  ConfigurationError,
  DisconnectedError,
  GivenUpError,
  InvalidCredentialsError,
  LiveUpdatesClient,
  SupabaseLiveUpdatesClient,
  WrongSiteError,
} from "../src/index.js";
import { KEY, SITE } from "./support/cms.js";
import { HASTY, until, world } from "./support/world.js";

test("the document's name is the same class", () => {
  expect(SupabaseLiveUpdatesClient).toBe(LiveUpdatesClient);
});

describe.each(["broadcast", "postgres_changes"] as const)("%s", (mode) => {
  test("each update arrives once and in order", async () => {
    const here = await world();
    here.cms.mode = mode;
    const { client, seqs } = await here.connected();
    expect(client.state).toMatchObject({ connected: true, phase: "live", log: "cms" });
    for (let n = 0; n < 3; n++) here.publish();
    await until(() => seqs.length === 3);
    expect(seqs).toEqual([1, 2, 3]);
    expect(client.state.lastUpdate).toBe("2026-11-22T10:00:00+00:00");
  });

  test("what was recorded before the channel flowed is caught up before it is live", async () => {
    const here = await world();
    here.cms.mode = mode;
    here.realtime.saysReady = false;
    const { client, seqs } = here.client();
    await client.connect();
    await until(() => here.realtime.joins);
    here.cms.record();
    here.realtime.saysReady = true;
    here.realtime.system(
      mode === "broadcast" ? "Replication connection established" : "Subscribed to PostgreSQL",
    );
    await client.waitUntilLive({ timeout: 3_000 });
    expect(seqs).toEqual([1]);
  });

  test("a token is replaced before its end, on the same socket", async () => {
    const here = await world();
    here.cms.mode = mode;
    here.cms.lifetime = 0.4;
    const { seqs } = await here.connected();
    await until(() => here.realtime.tokens.length >= 3);
    expect(here.realtime.joins).toBe(1);
    here.publish();
    await until(() => seqs.length === 1);
  });

  test.each([1000, 1001, 1011, 1012, 4000, 1006])("close code %i", async (code) => {
    const here = await world();
    here.cms.mode = mode;
    const { client, seqs } = await here.connected();
    if (code === 1006) here.realtime.kill();
    else here.realtime.close(code);
    here.cms.record();
    await until(() => here.realtime.joins === 2);
    await client.waitUntilLive({ timeout: 3_000 });
    here.publish();
    await until(() => seqs.length === 2);
    expect(seqs).toEqual([1, 2]);
    expect(here.realtime.tokens[0]).not.toBe(here.realtime.tokens[1]);
  });
});

test("a server that never says ready is live after a while, by a catch-up", async () => {
  const here = await world();
  here.realtime.saysReady = false;
  const { client } = here.client();
  await client.connect();
  await client.waitUntilLive({ timeout: 3_000 });
});

test("a gap is closed by the log", async () => {
  const here = await world();
  const { seqs } = await here.connected();
  here.cms.record();
  here.publish();
  await until(() => seqs.length === 2);
  expect(seqs).toEqual([1, 2]);
});

test("a gap that the log does not know is passed over, after asking once more", async () => {
  const here = await world();
  const { seqs } = await here.connected();
  const asked = here.cms.updateRequests.length;
  here.cms.record({ visible: false });
  here.publish({ visible: false } as object);
  await until(() => seqs.length === 1);
  expect(seqs).toEqual([2]);
  expect(here.cms.updateRequests.length).toBeGreaterThan(asked + 1);
});

test("all pages of a catch-up are read", async () => {
  const here = await world();
  here.cms.page = 2;
  for (let n = 0; n < 7; n++) here.cms.record();
  const { seqs } = await here.connected({ start: 0 });
  await until(() => seqs.length === 7);
  expect(seqs).toEqual([1, 2, 3, 4, 5, 6, 7]);
});

test("live means that every page of what was missed has been read", async () => {
  const here = await world();
  const { client, seqs, states } = await here.connected({
    timing: { ...HASTY, catchUpInterval: 60_000 },
  });
  here.cms.page = 2;
  here.cms.instead = { updates: { status: 503, body: "" }, token: { status: 503, body: "" } };
  const before = states.length;
  here.realtime.kill();
  await until(() => states.slice(before).some(({ phase }) => phase === "backing off"));
  for (let n = 0; n < 7; n++) here.cms.record();
  here.cms.instead = {};
  await client.waitUntilLive({ timeout: 5_000 });
  await pause(20);
  expect(seqs).toEqual([1, 2, 3, 4, 5, 6, 7]);
});

test("history that is gone is a reset, and the stream goes on after it", async () => {
  const here = await world();
  for (let n = 0; n < 5; n++) here.cms.record();
  here.cms.oldest = 3;
  const { seqs, resets } = await here.connected({ start: 1 });
  await until(() => resets.length === 1);
  here.publish();
  await until(() => seqs.length === 1);
  expect([resets, seqs]).toEqual([[5], [6]]);
});

test("an update that cannot be read rings for the log", async () => {
  const here = await world();
  const { seqs } = await here.connected();
  here.cms.record();
  here.realtime.broadcast(here.cms.topic, "live_updates", { changes: [{ nonsense: true }] });
  await until(() => seqs.length === 1);
});

test("a new epoch is followed by a fresh token and the new topic", async () => {
  const here = await world();
  const { seqs, client } = await here.connected();
  const old = here.cms.topic;
  here.cms.epoch = 2;
  here.realtime.broadcast(old, "reauthenticate", {});
  await until(() => here.realtime.joined.some(({ topic }) => topic.endsWith(":2")));
  await client.waitUntilLive({ timeout: 3_000 });
  here.publish();
  await until(() => seqs.length === 1);
});

test("a new epoch is noticed in the log where its message was lost", async () => {
  const here = await world();
  await here.connected();
  here.cms.epoch = 2;
  await until(() => here.realtime.joined.some(({ topic }) => topic.endsWith(":2")));
});

test("updates come by polling while Realtime is away", async () => {
  const here = await world();
  const { client, seqs } = await here.connected();
  here.realtime.refuseHandshake = 503;
  here.realtime.kill();
  await until(() => client.state.phase === "backing off");
  here.cms.record();
  await until(() => seqs.length === 1);
  expect(client.state.connected).toBe(false);
  expect(client.state.error).toContain("polling");
  here.realtime.refuseHandshake = undefined;
  await client.waitUntilLive({ timeout: 3_000 });
  expect(client.state.error).toBeUndefined();
});

test("a refused join is tried again for as long as the CMS accepts the key", async () => {
  const here = await world();
  here.realtime.refuseJoin = "JwtSignatureError: Failed to validate JWT signature";
  const { client, seqs } = here.client();
  await client.connect();
  await until(() => here.realtime.joins > 4);
  expect(client.state.error).toContain("JWT_SIGNING_KEY");
  here.cms.record();
  await until(() => seqs.length === 1);
  here.realtime.refuseJoin = undefined;
  await client.waitUntilLive({ timeout: 5_000 });
});

test("an expired token is followed by a fresh one", async () => {
  const here = await world();
  const { client } = await here.connected();
  here.realtime.system("Token has expired 0 seconds ago", "error", true);
  await until(() => here.realtime.joins === 2);
  await client.waitUntilLive({ timeout: 3_000 });
});

test("a socket that does not bring what the log has gets a fresh token", async () => {
  const here = await world();
  const { seqs } = await here.connected();
  here.realtime.flowing = false;
  here.realtime.deadUntilNewToken = true;
  here.publish();
  await until(() => here.realtime.flowing);
  expect(here.realtime.joins).toBe(1);
  here.publish();
  await until(() => seqs.length === 2);
});

test("while the socket is later than the log the state is delayed, and updates come", async () => {
  const here = await world();
  const { client, seqs, states } = await here.connected({
    timing: { ...HASTY, patienceMaximum: 60_000, suspicion: 300 },
  });
  here.realtime.flowing = false;
  here.publish();
  await until(() => client.state.phase === "delayed");
  here.publish();
  await until(() => seqs.length === 2);
  expect(client.state.error).toContain("delivers late");
  here.realtime.flowing = true;
  here.publish();
  await until(() => client.state.phase === "live");
  expect(states.some(({ phase }) => phase === "backing off")).toBe(false);
});

test("a socket that stays silent is rebuilt", async () => {
  const here = await world();
  await here.connected();
  here.realtime.flowing = false;
  const publishing = setInterval(() => here.publish(), 30);
  await until(() => here.realtime.joins > 1);
  clearInterval(publishing);
});

test("a handler that throws does not stop the stream", async () => {
  const error = vi.spyOn(console, "error").mockImplementation(() => {});
  const here = await world();
  const { client, seqs } = here.client();
  client.onUpdate(() => Promise.reject(new Error("mine")));
  await client.connect();
  await client.waitUntilLive();
  here.publish();
  here.publish();
  await until(() => seqs.length === 2);
  await until(() => error.mock.calls.length === 2);
});

test("iteration gives the updates, and ends with the client", async () => {
  const here = await world();
  const { client } = await here.connected();
  const seen: (number | null)[] = [];
  const iterating = (async () => {
    for await (const update of client) seen.push(update.seq);
  })();
  here.publish();
  here.publish();
  await until(() => seen.length === 2);
  await client.disconnect();
  await iterating;
  expect(seen).toEqual([1, 2]);
});

test("a slow handler with a short queue misses nothing", async () => {
  const here = await world();
  const { client } = here.client({ queueSize: 3 });
  const seen: (number | null)[] = [];
  client.onUpdate(async (update) => {
    await pause(2);
    seen.push(update.seq);
  });
  await client.connect();
  await client.waitUntilLive();
  for (let n = 0; n < 50; n++) here.publish();
  await until(() => seen.length === 50);
  expect(seen).toEqual(Array.from({ length: 50 }, (_, n) => n + 1));
  const read = here.cms.updateRequests.filter((after) => after > 0 && after < 50);
  expect(read.length, "what did not fit was read from the log").toBeGreaterThan(5);
});

test("drop_oldest says what it dropped", async () => {
  const here = await world();
  const { client } = await here.connected({ queueSize: 3, overflow: "drop_oldest" });
  const events = client.events();
  const first = events.next();
  here.publish();
  await first;
  for (let n = 0; n < 20; n++) here.publish();
  await until(() => here.cms.seq === 21 && client.state.lastUpdate);
  await pause(50);
  expect((await events.next()).value).toMatchObject({ event_type: "reset", reason: "overflow" });
});

test("filters choose collections and event types", async () => {
  const here = await world();
  const { client } = here.client();
  const seen: string[] = [];
  client.onUpdate((update) => void seen.push(`${update.collection} ${update.event_type}`), {
    collections: ["pages"],
    eventTypes: ["content.deleted"],
  });
  await client.connect();
  await client.waitUntilLive();
  here.publish({ collection: "pages" });
  here.publish({ event_type: "content.deleted" });
  here.publish({ collection: "pages", event_type: "content.deleted" });
  await until(() => seen.length);
  expect(seen).toEqual(["pages content.deleted"]);
});

test("a revoked key stops the client with what to do", async () => {
  const here = await world();
  const { client } = await here.connected();
  here.cms.keys.clear();
  here.realtime.broadcast(here.cms.topic, "reauthenticate", {});
  await until(() => client.state.phase === "revoked");
  expect(client.state.error).toContain("SPOOL_API_KEY");
});

test.each([
  ["a wrong key", { apiKey: "sk_other" }, InvalidCredentialsError],
  ["another site's key", { siteId: "0a0a0a0a-0000-4000-8000-000000000002" }, WrongSiteError],
  ["a site that is not a UUID", { siteId: "main" }, ConfigurationError],
  ["an address that is none", { apiUrl: "cms.example.org" }, ConfigurationError],
  ["a start before the beginning", { start: -5 }, ConfigurationError],
])("%s is an error at once", async (_, options, kind) => {
  const here = await world();
  await expect(here.client(options).client.connect()).rejects.toThrow(kind);
});

test("the development preset gives up after five attempts", async () => {
  const here = await world();
  here.realtime.refuseHandshake = 503;
  const { client } = here.client({ maxReconnectAttempts: "development" });
  await client.connect();
  await until(() => client.state.phase === "stopped");
  expect(client.state.error).toContain("after 5 attempts");
  await expect(client.waitUntilLive()).rejects.toThrow(GivenUpError);
});

test("clients of a site and key share a connection, also across module instances", async () => {
  const here = await world();
  const one = await here.connected({ shared: true });
  vi.resetModules();
  const again = await import("../src/client.js");
  const other = new again.LiveUpdatesClient({
    siteId: SITE,
    apiKey: KEY,
    apiUrl: here.cms.url,
    timing: HASTY,
  });
  const seen: (number | null)[] = [];
  other.onUpdate((update) => void seen.push(update.seq));
  await other.connect();
  expect(here.realtime.sockets).toBe(1);
  here.publish();
  await until(() => seen.length === 1 && one.seqs.length === 1);
  await one.client.disconnect();
  here.publish();
  await until(() => seen.length === 2);
  await other.disconnect();
  await until(() => here.realtime.sockets === 0);
});

test("another key of the site has a socket of its own", async () => {
  const here = await world();
  here.cms.keys.add("sk_second");
  await here.connected({ shared: true });
  await here.connected({ shared: true, apiKey: "sk_second" });
  expect(here.realtime.sockets).toBe(2);
});

test("an unconnected client says so", async () => {
  const client = new LiveUpdatesClient();
  await expect(client.waitUntilLive()).rejects.toThrow(DisconnectedError);
  await client.disconnect();
});

test("the key is in no state and no message", async () => {
  const here = await world();
  const { states, client } = await here.connected();
  here.cms.keys.clear();
  here.realtime.kill();
  await until(() => client.state.phase === "revoked");
  expect(JSON.stringify(states)).not.toContain(KEY);
});
