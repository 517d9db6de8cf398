import { beforeEach, expect, test, vi } from "vitest";

import { revalidateSpool, spoolTags, staleTags } from "../../src/next/index.js";
import type { LiveUpdate } from "../../src/updates.js";

const calls = vi.hoisted(() => [] as unknown[][]);
vi.mock("next/cache.js", () => ({
  revalidateTag: (...values: unknown[]) => calls.push(["tag", ...values]),
  revalidatePath: (...values: unknown[]) => calls.push(["path", ...values]),
}));
beforeEach(() => void calls.splice(0));

const update = (metadata: object = {}, slug: string | null = "new") =>
  ({ collection: "articles", item_id: "1234", slug, metadata }) as unknown as LiveUpdate;

test.each([
  [spoolTags("articles"), ["articles"]],
  [spoolTags("articles", "new"), ["articles:new"]],
  [spoolTags("articles", "new", null, "1234"), ["articles:new", "articles:1234"]],
  [spoolTags("articles", "x".repeat(300)), [`articles:${"x".repeat(247)}`]],
])("tags %#", (tags, expected) => expect(tags).toEqual(expected));

test("a change makes its collection, item, slug and previous slug stale", () => {
  expect(staleTags(update({ previous_slug: "old" }))).toEqual([
    "articles",
    "articles:1234",
    "articles:new",
    "articles:old",
  ]);
});

test("and what the CMS says besides, once", () => {
  const tags = staleTags(update({ cache_tags: ["articles", "front", "authors:7"] }, null));
  expect(tags).toEqual(["articles", "articles:1234", "front", "authors:7"]);
});

test("every tag is revalidated so that the next visitor sees the change", async () => {
  const tags = await revalidateSpool(update());
  expect(calls).toEqual(tags.map((tag) => ["tag", tag, { expire: 0 }]));
});

test("with the profile that is asked for", async () => {
  await revalidateSpool(update(), { profile: "max" });
  expect(calls[0]).toEqual(["tag", "articles", "max"]);
});

test("paths where asked, of the previous slug too", async () => {
  await revalidateSpool(update({ previous_slug: "old" }), {
    paths: (slug) => ["/", `/articles/${slug}`],
  });
  const paths = calls.filter(([kind]) => kind === "path").map(([, path]) => path);
  expect(paths).toEqual(["/", "/articles/new", "/articles/old"]);
});
