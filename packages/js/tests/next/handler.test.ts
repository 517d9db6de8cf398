import { Webhook } from "standardwebhooks";
import { beforeEach, describe, expect, test, vi } from "vitest";

import { createSpoolWebhookHandler, type WebhookHandlerOptions } from "../../src/next/index.js";
import type { SpoolWebhookPayload } from "../../src/updates.js";
import { serve } from "../support/server.js";
import { until } from "../support/world.js";

const SECRET = `whsec_${btoa("a secret of our own, 32 bytes long")}`;
const OLD = `whsec_${btoa("the secret before it, also long one")}`;
const PAYLOAD = {
  event: "content.updated",
  site_id: "0a0a0a0a-0000-4000-8000-000000000001",
  collection: "articles",
  slug: "größe",
  item_id: "0a0a0a0a-0000-4000-8000-000000000002",
  timestamp: "2026-11-22T10:00:00+00:00",
  metadata: { title: "Größe 🎈" },
  id: "0a0a0a0a-0000-4000-8000-000000000003",
  seq: 7,
};

interface Sent {
  secret?: string;
  id?: string;
  at?: Date;
  body?: string;
  method?: string;
  headers?: Record<string, string>;
}

function signed({ secret = SECRET, id = "msg_1", at = new Date(), ...more }: Sent = {}): Request {
  const body = more.body ?? JSON.stringify(PAYLOAD);
  const headers = {
    "content-type": "application/json",
    "webhook-id": id,
    "webhook-timestamp": String(Math.floor(at.getTime() / 1000)),
    "webhook-signature": new Webhook(secret).sign(id, at, body),
    ...more.headers,
  };
  const { method = "POST" } = more;
  return new Request("https://site.example/api/spool", {
    method,
    headers,
    ...(method === "POST" && { body }),
  });
}

function handling(options: Partial<WebhookHandlerOptions> = {}) {
  const seen: SpoolWebhookPayload[] = [];
  const onWebhook = (payload: SpoolWebhookPayload) => void seen.push(payload);
  const handler = createSpoolWebhookHandler({ secret: SECRET, onWebhook, ...options });
  return { handler, seen };
}

beforeEach(() => {
  vi.spyOn(console, "warn").mockImplementation(() => {});
  vi.spyOn(console, "error").mockImplementation(() => {});
});

test("a signed webhook reaches onWebhook with all its fields", async () => {
  const { handler, seen } = handling();
  const response = await handler(signed());
  expect([response.status, await response.json()]).toEqual([200, { received: true }]);
  expect(seen).toEqual([PAYLOAD]);
});

test.each([
  ["by the new secret", SECRET],
  ["by the old secret", OLD],
])("during a rotation one signed %s is taken", async (_, secret) => {
  expect((await handling({ secret: [SECRET, OLD] }).handler(signed({ secret }))).status).toBe(200);
});

test("the secrets may come from the environment, as a list", async () => {
  vi.stubEnv("SPOOL_WEBHOOK_SECRET", `${SECRET} ${OLD}`);
  const handler = createSpoolWebhookHandler({});
  expect((await handler(signed({ secret: OLD }))).status).toBe(200);
  vi.unstubAllEnvs();
});

test("a message with several signatures is taken for any of them", async () => {
  const foreign = signed({ secret: OLD }).headers.get("webhook-signature");
  const own = signed().headers.get("webhook-signature");
  const { handler } = handling();
  const headers = { "webhook-signature": `v1a,AAAA ${foreign} ${own}` };
  expect((await handler(signed({ headers }))).status).toBe(200);
});

test.each<[string, Sent]>([
  ["another secret", { secret: OLD }],
  ["a timestamp of six minutes ago", { at: new Date(Date.now() - 360_000) }],
  ["a timestamp in six minutes", { at: new Date(Date.now() + 360_000) }],
  ["another id", { headers: { "webhook-id": "msg_2" } }],
  ["another timestamp", { headers: { "webhook-timestamp": "1" } }],
  ["no signature", { headers: { "webhook-signature": "" } }],
  ["a signed body that is not ours", { body: '{"hello": "world"}' }],
  ["a signed body that is a list", { body: "[]" }],
  ["a signed body that is not JSON", { body: "hello" }],
])("%s is answered 401 and not handled", async (_, sent) => {
  const { handler, seen } = handling();
  expect((await handler(signed(sent))).status).toBe(401);
  expect(seen).toEqual([]);
});

test("a body that was changed on the way is refused", async () => {
  const { handler } = handling();
  const { headers } = signed();
  const body = JSON.stringify({ ...PAYLOAD, slug: "other" });
  const forged = new Request("https://site.example/", { method: "POST", headers, body });
  expect((await handler(forged)).status).toBe(401);
});

test("a replay is answered 200 and not handled again", async () => {
  const { handler, seen } = handling();
  await handler(signed());
  const again = await handler(signed());
  expect(await again.json()).toEqual({ received: true, duplicate: true });
  expect(seen).toHaveLength(1);
});

test("where onWebhook throws, the sender is asked to try again, and is heard then", async () => {
  let fails = true;
  const onWebhook = () => {
    if (fails) throw new Error("database away");
  };
  const { handler } = handling({ onWebhook });
  expect((await handler(signed())).status).toBe(500);
  fails = false;
  expect(await (await handler(signed())).json()).toEqual({ received: true });
});

test("a retry that comes while the first is being handled is put off, not counted", async () => {
  let finish = () => {};
  const working = new Promise<void>((resolve) => {
    finish = resolve;
  });
  const { handler } = handling({ onWebhook: () => working });
  const first = handler(signed());
  await Promise.resolve();
  const second = await handler(signed());
  expect([second.status, second.headers.get("retry-after")]).toEqual([503, "10"]);
  finish();
  expect((await first).status).toBe(200);
});

test.each(["GET", "HEAD", "PUT"])("%s is not a webhook", async (method) => {
  const response = await handling().handler(signed({ method }));
  expect([response.status, response.headers.get("allow")]).toEqual([405, "POST"]);
});

test("a body beyond any update is refused before it is read", async () => {
  const body = `"${"x".repeat(300_000)}"`;
  expect((await handling().handler(signed({ body }))).status).toBe(413);
});

describe("without a usable secret", () => {
  test.each([undefined, "", "whsec_not base64!"])("%s", async (secret) => {
    vi.stubEnv("SPOOL_WEBHOOK_SECRET", undefined);
    const { handler, seen } = handling({ secret });
    expect((await handler(signed())).status).toBe(500);
    expect(console.error).toHaveBeenCalledWith(expect.stringContaining("SPOOL_WEBHOOK_SECRET"));
    expect(seen).toEqual([]);
    vi.unstubAllEnvs();
  });
});

test("a guard of your own is asked, and told of failures", async () => {
  const calls: string[] = [];
  const replayGuard = {
    claim: async (id: string) => {
      calls.push(`claim ${id}`);
      return true;
    },
    release: (id: string) => void calls.push(`release ${id}`),
  };
  const { handler } = handling({
    replayGuard,
    onWebhook: () => Promise.reject(new Error("no")),
  });
  await handler(signed());
  expect(calls).toEqual(["claim msg_1", "release msg_1"]);
});

test("the Pages Router gets the same answers over a real connection", async () => {
  const { handler, seen } = handling();
  const url = await serve(handler);
  const { headers } = signed();
  const body = JSON.stringify(PAYLOAD);
  const [good, bad] = [
    await fetch(url, { method: "POST", headers, body }),
    await fetch(url, { method: "POST", headers, body: body.replace("7", "8") }),
  ];
  expect([good.status, bad.status, seen.length]).toEqual([200, 401, 1]);
  expect(good.headers.get("content-type")).toContain("application/json");
});

test("an API route that parsed the body says what to add", async () => {
  const { toApiRoute } = await import("../../src/next/index.js");
  const route = toApiRoute(handling().handler);
  await expect(route({ body: {} } as never, {} as never)).rejects.toThrow("bodyParser: false");
});

test("in production no socket is opened", async () => {
  const fetching = vi.spyOn(globalThis, "fetch");
  const developmentConfig = { siteId: PAYLOAD.site_id, apiKey: "k", apiUrl: "http://127.0.0.1:1/" };
  vi.stubEnv("NODE_ENV", "production");
  handling({ developmentConfig });
  vi.unstubAllEnvs();
  await until(() => true);
  expect(fetching).not.toHaveBeenCalled();
});
