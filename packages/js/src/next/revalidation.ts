// Revalidation of the cached pages that an update makes stale, in Next.js 15 and 16.
import { ConfigurationError } from "../errors.js";
import type { LiveUpdate, SpoolWebhookPayload } from "../updates.js";

const LONGEST_TAG = 256; // of Next.js, which ignores longer ones

/**
 * The tags for `cacheTag(...)` and `fetch(url, { next: { tags } })`.
 *
 * `spoolTags("articles")` is for pages that show a list: any change of the collection makes it
 * stale. `spoolTags("articles", slugOrId)` is for pages that show these items only.
 */
export function spoolTags(collection: string, ...items: (string | null | undefined)[]): string[] {
  if (!items.length) return [fitting(collection)];
  return items.filter((item) => item != null).map((item) => fitting(`${collection}:${item}`));
}

/**
 * The tags that a change makes stale: those in `metadata.cache_tags`, and always those of the
 * collection, the item's id, its slug and its previous slug.
 */
export function staleTags(update: LiveUpdate | SpoolWebhookPayload): string[] {
  const { collection, item_id, slug, metadata } = update;
  const { cache_tags: tags, previous_slug: before } = metadata;
  return [
    ...new Set([
      ...spoolTags(collection),
      ...spoolTags(collection, item_id, slug, before),
      ...(Array.isArray(tags) ? tags.map(fitting) : []),
    ]),
  ];
}

export interface RevalidateOptions {
  /**
   * The cache profile of Next.js 16; by default `{ expire: 0 }`: the next visitor sees the change.
   */
  profile?: string | { expire?: number } | undefined;
  /** Paths to revalidate besides the tags, of this slug and of the previous one. */
  paths?: ((slug: string | null) => string | readonly string[]) | undefined;
}

/**
 * Marks every cached page stale that shows the changed item, and returns the tags. Call it inside a
 * request (a webhook, a server action).
 */
export async function revalidateSpool(
  update: LiveUpdate | SpoolWebhookPayload,
  options: RevalidateOptions = {},
): Promise<string[]> {
  const { revalidateTag, revalidatePath } = await nextCache();
  const tags = staleTags(update);
  for (const tag of tags) revalidateTag(tag, options.profile ?? { expire: 0 });
  for (const path of stalePaths(update, options.paths)) revalidatePath(path);
  return tags;
}

function stalePaths(
  { slug, metadata }: LiveUpdate | SpoolWebhookPayload,
  paths: RevalidateOptions["paths"],
): Set<string> {
  if (!paths) return new Set();
  const before = metadata.previous_slug;
  const slugs = before === undefined || before === slug ? [slug] : [slug, before];
  return new Set(slugs.flatMap((one) => paths(one)));
}

/** The functions of `next/cache`. Version 15 ignores `profile`. */
interface NextCache {
  revalidateTag(tag: string, profile?: string | { expire?: number }): void;
  revalidatePath(path: string): void;
}

async function nextCache(): Promise<NextCache> {
  try {
    return (await import("next/cache.js")) as NextCache;
  } catch (error) {
    throw new ConfigurationError("revalidateSpool needs Next.js 15 or newer: npm install next", {
      cause: error,
    });
  }
}

function fitting(tag: string): string {
  return tag.slice(0, LONGEST_TAG);
}
