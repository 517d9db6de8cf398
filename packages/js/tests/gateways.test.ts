// What proxies, deploys and maintenance pages may answer: once there was a token, nothing of it is
// final but the CMS's own refusal of the key.
import { describe, expect, test } from "vitest";

import { type Answer, SITE } from "./support/cms.js";
import { until, world } from "./support/world.js";

const OTHER = "0a0a0a0a-0000-4000-8000-000000000009";
const HTML = { "Content-Type": "text/html" };
const JSON_TYPE = { "Content-Type": "application/json" };
const BODIES: [string, string, Record<string, string>][] = [
  ["a page", "<h1>Down for maintenance</h1>", HTML],
  ["a gateway's JSON", '{"message": "Internal error"}', JSON_TYPE],
  ["a code of its own", '{"detail": "No.", "code": "forbidden_by_gateway"}', JSON_TYPE],
  ["nothing", "", {}],
];
const STATUSES = [200, 204, 302, 400, 401, 403, 404, 405, 410, 429, 500, 502, 503];
const ANSWERS = STATUSES.flatMap((status) =>
  BODIES.map(([name, body, headers]): [string, Answer] => [
    `${status} with ${name}`,
    { status, body: status === 204 ? "" : body, headers: { ...headers, ...retryAfter(status) } },
  ]),
);

function row(fields: object): object {
  return {
    id: "b",
    site_id: SITE,
    event_type: "content.updated",
    collection: "articles",
    slug: null,
    item_id: "c",
    timestamp: "2026-11-22T10:00:00+00:00",
    metadata: {},
    seq: 9,
    ...fields,
  };
}

function retryAfter(status: number): Record<string, string> {
  return status === 429 || status === 503 ? { "Retry-After": "1e12" } : {};
}

describe.concurrent.each(ANSWERS)("%s", (_, answer) => {
  test("at updates/ of a live client", async ({ onTestFinished }) => {
    const here = await world(onTestFinished);
    const { client, seqs } = await here.connected();
    const asked = here.cms.updateRequests.length;
    here.cms.instead.updates = answer;
    await until(() => here.cms.updateRequests.length > asked);
    here.cms.instead = {};
    here.publish();
    await until(() => seqs.length === 1);
    await client.waitUntilLive({ timeout: 3_000 });
  });

  test("at token/ and updates/ while it joins again", async ({ onTestFinished }) => {
    const here = await world(onTestFinished);
    const { client, seqs } = await here.connected();
    const asked = here.cms.tokenRequests;
    here.cms.instead = { token: answer, updates: answer };
    here.realtime.kill();
    await until(() => here.cms.tokenRequests > asked);
    here.cms.instead = {};
    here.cms.record();
    await until(() => seqs.length === 1);
    await client.waitUntilLive({ timeout: 3_000 });
  });
});

test.each(ANSWERS.filter(([, { status }]) => status < 429))(
  "the first token answered by %s is said at once",
  async (_, answer) => {
    const here = await world();
    here.cms.instead.token = answer;
    await expect(here.client().client.connect()).rejects.toThrow("SPOOL_API_URL");
  },
);

test.each(["token", "updates"] as const)(
  "%s/ that hangs is given up and asked again",
  async (path) => {
    const here = await world();
    const { client, seqs } = await here.connected({});
    here.cms.instead[path] = "hang";
    here.realtime.kill();
    const asked = () => here.cms.tokenRequests + here.cms.updateRequests.length;
    const before = asked();
    await until(() => asked() > before + 1);
    here.cms.instead = {};
    here.cms.record();
    await until(() => seqs.length === 1);
    await client.waitUntilLive({ timeout: 5_000 });
  },
);

test.each([
  ["another site's token", { site_id: "0a0a0a0a-0000-4000-8000-000000000009" }],
  ["a token without a topic", { realtime: { mode: "broadcast", broadcast: {} } }],
  ["an unknown mode", { realtime: { mode: "pigeon" } }],
  ["a life of no time", { expires_in: "soon" }],
])("%s does not end a live client", async (_, fields) => {
  const here = await world();
  const { client } = await here.connected();
  const asked = here.cms.tokenRequests;
  const body = JSON.stringify({ ...here.cms.tokenAnswer(), ...fields });
  here.cms.instead.token = { status: 200, body };
  here.realtime.kill();
  await until(() => here.cms.tokenRequests > asked);
  here.cms.instead = {};
  await client.waitUntilLive({ timeout: 3_000 });
});

test.each([
  ["a cursor that leads nowhere", { results: [], next: 0, seq: 3, epoch: 1, status: "recovered" }],
  ["numbers beyond a double", { results: [], next: null, seq: 1e30, epoch: 1, status: "reset" }],
  [
    "another site's updates",
    { results: [row({ site_id: OTHER })], next: null, seq: 9, epoch: 1, status: "recovered" },
  ],
  [
    "results that go back",
    {
      results: [row({ seq: 9 }), row({ seq: 8 })],
      next: null,
      seq: 9,
      epoch: 1,
      status: "recovered",
    },
  ],
  ["results that are none", { results: {}, next: null, seq: 3, epoch: 1, status: "recovered" }],
  ["a status of its own", { results: [], next: null, seq: 3, epoch: 1, status: "ok" }],
])("a page with %s is no page", async (_, body) => {
  const here = await world();
  const { seqs, resets } = await here.connected();
  const asked = here.cms.updateRequests.length;
  here.cms.instead.updates = { status: 200, body: JSON.stringify(body) };
  await until(() => here.cms.updateRequests.length > asked);
  here.cms.instead = {};
  here.publish();
  await until(() => seqs.length === 1);
  expect(resets).toEqual([]);
});
