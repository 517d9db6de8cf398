import { expect, test } from "vitest";

import { ContentApi } from "../src/api.js";
import { IncompatibleServerError } from "../src/errors.js";
import { SITE } from "./support/cms.js";

const row = (seq: number | null, site_id = SITE) => ({
  id: `id-${seq}`,
  site_id,
  event_type: "content.updated",
  collection: "articles",
  slug: null,
  item_id: "item",
  timestamp: "2026-11-28T10:00:00Z",
  metadata: {},
  seq,
});
const right = { results: [row(3), row(5)], status: "recovered", next: null, seq: 5, epoch: 1 };

const read = (answer: unknown) =>
  new ContentApi(
    () => Promise.reject(new Error("not asked")),
    () => Promise.resolve(answer),
    SITE,
    1_000,
    undefined,
  ).updates(2, 500, undefined, new AbortController().signal);

test("a page of the log", async () => {
  const page = await read(right);
  expect(page.updates.map(({ seq }) => seq)).toEqual([3, 5]);
  expect(page).toMatchObject({ seq: 5, next: null, reset: false, epoch: 1 });
});

test.each([
  ["out of order", { results: [row(5), row(3)] }],
  ["with one twice", { results: [row(3), row(3)] }],
  ["that begins before the cursor", { results: [row(2)] }],
  ["without numbers", { results: [row(null)] }],
  ["of another site", { results: [row(3, "5d0b3f5e-52a4-4f0e-9b7a-0c5f0a1e4c01")] }],
  ["that leads back", { next: 2 }],
  ["that leads beyond its end", { next: 6 }],
  ["without an epoch", { epoch: undefined }],
  ["of another status", { status: "ok" }],
  ["that is a list of something", { results: ["x"] }],
])("a page %s is not the CMS's", async (_, change) => {
  await expect(read({ ...right, ...change })).rejects.toThrow(IncompatibleServerError);
});
