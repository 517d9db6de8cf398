import { link, mkdtemp, readFile, readdir, unlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test, vi } from "vitest";

import { type CursorStore, fileCursor, memoryCursor } from "../src/cursor.js";
import { ConfigurationError } from "../src/errors.js";
import { SITE } from "./support/cms.js";
import { until, world } from "./support/world.js";

const folder = () => mkdtemp(join(tmpdir(), "spool-live-"));

test("a client goes on where the last one stopped", async () => {
  const here = await world();
  const path = join(await folder(), "deep", "cursor.json");
  const first = await here.connected({ cursor: fileCursor(path, SITE) });
  here.publish();
  await until(() => first.seqs.length === 1);
  await first.client.disconnect();
  here.cms.record();
  here.cms.record();
  const second = await here.connected({ cursor: fileCursor(path, SITE) });
  await until(() => second.seqs.length === 2);
  expect(second.seqs).toEqual([2, 3]);
});

test("what was not handled is not counted as handled", async () => {
  const here = await world();
  const saved: number[] = [];
  const cursor: CursorStore = { load: () => 0, save: (seq) => void saved.push(seq) };
  const { client } = here.client({ cursor });
  let finish = () => {};
  client.onUpdate(() => new Promise((resolve) => void (finish = resolve)));
  await client.connect();
  await client.waitUntilLive();
  here.publish();
  await until(() => client.state.lastUpdate);
  await client.disconnect();
  expect(saved).toEqual([]);
  finish();
});

test("the file is replaced as a whole and kept from others", async () => {
  const at = await folder();
  const cursor = fileCursor(join(at, "c.json"), SITE);
  await cursor.save(7);
  await link(join(at, "c.json"), join(at, "as it was"));
  await cursor.save(8);
  expect(await readFile(join(at, "as it was"), "utf8")).toContain("7"); // not written over
  await unlink(join(at, "as it was"));
  expect(JSON.parse(await readFile(join(at, "c.json"), "utf8"))).toEqual({ site_id: SITE, seq: 8 });
  expect(await readdir(at)).toEqual(["c.json"]);
});

test.each([
  ["nonsense", "delete it"],
  [JSON.stringify({ site_id: SITE, seq: -5 }), "delete it"],
  [JSON.stringify({ site_id: SITE, seq: 1e30 }), "delete it"],
  [JSON.stringify({ site_id: "other", seq: 5 }), "one cursor file per site"],
])("the file %s is refused", async (content, remedy) => {
  const here = await world();
  const path = join(await folder(), "c.json");
  await writeFile(path, content);
  const connecting = here.client({ cursor: fileCursor(path, SITE) }).client.connect();
  await expect(connecting).rejects.toThrow(remedy);
});

test.each([-1, 1e30, 0.5, Number.NaN])("a store that gives %d is refused", async (seq) => {
  const here = await world();
  const cursor = { load: () => seq, save: () => {} };
  await expect(here.client({ cursor }).client.connect()).rejects.toThrow(ConfigurationError);
});

test("a store that fails is reported and tried again", async () => {
  const error = vi.spyOn(console, "error").mockImplementation(() => {});
  const here = await world();
  let failing = true;
  const saved: number[] = [];
  const save = (seq: number) => {
    if (failing) throw new Error("disk full");
    saved.push(seq);
  };
  const { seqs } = await here.connected({ cursor: { load: () => null, save } });
  here.publish();
  await until(() => error.mock.calls.length);
  failing = false;
  here.publish();
  await until(() => saved.length);
  expect([seqs, saved]).toEqual([[1, 2], [2]]);
});

test("a memory cursor outlives its client", async () => {
  await memoryCursor("tests").save(12);
  expect(memoryCursor("tests").load()).toBe(12);
  expect(memoryCursor("others").load()).toBeUndefined();
});
