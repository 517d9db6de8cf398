import { beforeEach, expect, test, vi } from "vitest";

import { fromEndpoint, InvalidCredentialsError, LiveUpdatesClient } from "../../src/index.js";
import { createSpoolLiveEndpoint } from "../../src/next/index.js";
import { KEY, SITE } from "../support/cms.js";
import { serve } from "../support/server.js";
import { HASTY, until, type World, world } from "../support/world.js";

beforeEach(() => void vi.spyOn(console, "error").mockImplementation(() => {}));

const endpoint = (here: World, authorize: (request: Request) => boolean = () => true) =>
  createSpoolLiveEndpoint({ siteId: SITE, apiKey: KEY, apiUrl: here.cms.url, authorize });
const ask = (query: string, method = "GET") =>
  new Request(`https://site.example/api/live?${query}`, { method });

test("a browser follows by its own server, which keeps the key", async () => {
  const here = await world();
  const url = await serve(endpoint(here));
  const client = new LiveUpdatesClient({
    ...fromEndpoint(url),
    siteId: SITE,
    timing: HASTY,
    shared: false,
  });
  const seen: (number | null)[] = [];
  client.onUpdate(({ seq }) => void seen.push(seq));
  await client.connect();
  await client.waitUntilLive({ timeout: 5_000 });
  here.cms.record();
  here.publish();
  await until(() => seen.length === 2);
  expect([seen, client.state.log]).toEqual([[1, 2], "cms"]);
  await client.disconnect();
});

test("one token serves all, until its epoch is over", async () => {
  const here = await world();
  const handler = endpoint(here);
  const tokens = await Promise.all([handler(ask("token")), handler(ask("token"))]);
  const [one, two] = await Promise.all(tokens.map((response) => response.json()));
  expect([one.token, here.cms.tokenRequests]).toEqual([two.token, 1]);
  expect(JSON.stringify(one)).not.toContain(KEY);
  await handler(ask("token&stale_epoch=1"));
  expect(here.cms.tokenRequests).toBe(2);
});

test("a token that is nearly over is not handed out again, and its age is said", async () => {
  const here = await world();
  here.cms.lifetime = 2;
  const handler = endpoint(here);
  const first = await (await handler(ask("token"))).json();
  vi.spyOn(performance, "now").mockReturnValue(performance.now() + 1_200);
  const second = await (await handler(ask("token"))).json();
  expect([first.token, second.token, second.expires_in]).toEqual(["jwt-1", "jwt-1", 1]);
  vi.spyOn(performance, "now").mockReturnValue(performance.now() + 1_000);
  expect((await (await handler(ask("token"))).json()).token).toBe("jwt-2");
});

test("a kept token does not bring back what was before", async () => {
  const here = await world();
  const url = await serve(endpoint(here));
  await fetch(`${url}?token`);
  here.cms.record();
  const client = new LiveUpdatesClient({ ...fromEndpoint(url), timing: HASTY, shared: false });
  const seen: (number | null)[] = [];
  client.onUpdate(({ seq }) => void seen.push(seq));
  await client.connect();
  await client.waitUntilLive({ timeout: 5_000 });
  here.publish();
  await until(() => seen.length);
  expect([seen, here.cms.tokenRequests]).toEqual([[2], 1]);
  await client.disconnect();
});

test("who is not allowed gets nothing, and nobody is asked", async () => {
  const here = await world();
  const handler = endpoint(here, () => false);
  expect((await handler(ask("token"))).status).toBe(403);
  expect(here.cms.tokenRequests).toBe(0);
});

test.each([
  ["nonsense", "GET", 400],
  ["after=-1", "GET", 400],
  ["token", "POST", 405],
])("%s by %s is answered %i", async (query, method, status) => {
  expect((await endpoint(await world())(ask(query, method))).status).toBe(status);
});

test("answers are not stored by anybody", async () => {
  const response = await endpoint(await world())(ask("token"));
  expect(response.headers.get("cache-control")).toBe("no-store");
});

test("the CMS's refusal of the key is final for the browser, a gateway's is not", async () => {
  const here = await world();
  const handler = endpoint(here);
  here.cms.instead.token = { status: 401, body: "<h1>Login</h1>" };
  expect((await handler(ask("token"))).status).toBe(503);
  here.cms.instead = {};
  here.cms.keys.clear();
  const refused = await handler(ask("token"));
  expect([refused.status, (await refused.json()).code]).toEqual([401, "invalid_credentials"]);
  const client = new LiveUpdatesClient(fromEndpoint(await serve(handler)));
  await expect(client.connect()).rejects.toThrow(InvalidCredentialsError);
});

test("a limit of the CMS is passed on", async () => {
  const here = await world();
  here.cms.instead.updates = { status: 429, body: "{}", headers: { "Retry-After": "7" } };
  const response = await endpoint(here)(ask("after=0"));
  expect([response.status, response.headers.get("retry-after")]).toEqual([429, "7"]);
});
