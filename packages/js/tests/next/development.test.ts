import { afterEach, beforeEach, expect, test, vi } from "vitest";

import { createSpoolWebhookHandler, stopListening } from "../../src/next/index.js";
import type { SpoolWebhookPayload } from "../../src/updates.js";
import { KEY, SITE } from "../support/cms.js";
import { serve } from "../support/server.js";
import { HASTY, until, type World, world } from "../support/world.js";

const said: string[] = [];

beforeEach(() => {
  said.length = 0;
  for (const level of ["info", "warn", "error"] as const)
    vi.spyOn(console, level).mockImplementation((...words) => void said.push(words.join(" ")));
});
afterEach(stopListening);

const config = (here: World) => ({
  siteId: SITE,
  apiKey: KEY,
  apiUrl: here.cms.url,
  timing: HASTY,
});
const saying = (words: string) => () => said.some((line) => line.includes(words));

test("one live client feeds onWebhook, with the document's lines", async () => {
  const here = await world();
  const seen: SpoolWebhookPayload[] = [];
  const options = {
    development: true,
    developmentConfig: config(here),
    onWebhook: (payload: SpoolWebhookPayload) => void seen.push(payload),
  };
  createSpoolWebhookHandler(options);
  createSpoolWebhookHandler(options);
  await until(saying(`✅ Connected to Spool Realtime for site: ${SITE}`));
  expect(here.realtime.sockets).toBe(1);
  const { event_type: event, ...rest } = here.publish({ slug: null });
  await until(() => seen.length);
  expect(seen).toEqual([{ event, ...rest }]);
  expect(saying("🔄 Live update: articles/no-slug")()).toBe(true);
});

test("a reloaded module replaces the function, on the same socket", async () => {
  const here = await world();
  const calls: string[] = [];
  const make = async (name: string) => {
    vi.resetModules();
    const { createSpoolWebhookHandler: create } = await import("../../src/next/index.js");
    create({
      development: true,
      developmentConfig: config(here),
      onWebhook: () => void calls.push(name),
    });
  };
  await make("old");
  await until(saying("✅"));
  await make("new");
  here.publish();
  await until(() => calls.length);
  expect([calls, here.realtime.joins]).toEqual([["new"], 1]);
});

test("with a url, updates come in as signed requests to yourself", async () => {
  const here = await world();
  const seen: (number | null)[] = [];
  const handler = (url?: string) =>
    createSpoolWebhookHandler({
      development: true,
      developmentConfig: { ...config(here), url },
      onWebhook: ({ seq }) => void seen.push(seq),
    });
  const requests: Request[] = [];
  const url = await serve((request) => {
    requests.push(request);
    return answering(request);
  });
  const answering = handler(url);
  await until(saying("✅"));
  here.publish();
  here.publish();
  await until(() => seen.length === 2);
  expect([seen, requests.length]).toEqual([[1, 2], 2]);
});

test("what onWebhook throws is shown, with the remedy for revalidateTag", async () => {
  const here = await world();
  createSpoolWebhookHandler({
    development: true,
    developmentConfig: config(here),
    onWebhook: () => {
      throw new Error("Invariant: static generation store missing in revalidateTag articles");
    },
  });
  await until(saying("✅"));
  here.publish();
  await until(saying("set developmentConfig.url"));
});

test("a wrong key is explained", async () => {
  const here = await world();
  createSpoolWebhookHandler({
    development: true,
    developmentConfig: { ...config(here), apiKey: "sk_wrong" },
  });
  await until(saying("💡 Check your SPOOL_API_KEY and SPOOL_SITE_ID environment variables"));
});

test("an option that is missing is explained, and the site goes on", async () => {
  createSpoolWebhookHandler({ development: true, developmentConfig: { siteId: SITE } });
  await until(saying("set SPOOL_API_KEY"));
});

test("it gives up after five attempts, and says how to go on", async () => {
  const here = await world();
  here.realtime.refuseHandshake = 503;
  createSpoolWebhookHandler({ development: true, developmentConfig: config(here) });
  await until(saying("❌ Max reconnection attempts reached"));
  expect(saying("Reconnecting (attempt 5/5)")()).toBe(true);
  expect(saying("💡 Restart your dev server")()).toBe(true);
});

test.each([
  ["NEXT_PHASE", "phase-production-build", "while building"],
  ["NEXT_RUNTIME", "edge", "on the edge runtime"],
])("%s=%s opens no socket, and says so", async (name, value, why) => {
  const here = await world();
  vi.stubEnv(name, value);
  createSpoolWebhookHandler({ development: true, developmentConfig: config(here) });
  vi.unstubAllEnvs();
  expect(saying(why)()).toBe(true);
  expect(here.cms.tokenRequests).toBe(0);
});
