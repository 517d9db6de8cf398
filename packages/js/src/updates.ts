// What handlers receive: updates, typed by event type and collection, and resets.
import { IncompatibleServerError } from "./errors.js";
import type { EventType, UpdateMetadata, UpdateRow, WebhookBody } from "./schema.js";

/**
 * The metadata of your collections, by name. Empty here; `manage.py live_schema --typescript` on
 * the CMS writes a file that fills it, so that `update.metadata` is typed by `update.collection`.
 */
// biome-ignore lint/suspicious/noEmptyInterface: projects add to it by declaration merging
export interface Collections {}

type Metadata = UpdateMetadata & Record<string, unknown>;
type Known = {
  [C in keyof Collections]: { collection: C; metadata: UpdateMetadata & Collections[C] };
};
type Content = keyof Collections extends never
  ? { collection: string; metadata: Metadata }
  : Known[keyof Collections];

type Row<E extends EventType> = Omit<UpdateRow, "event_type" | "collection" | "metadata"> & {
  event_type: E;
} & Content;

export type ContentCreated = Row<"content.created">;
export type ContentUpdated = Row<"content.updated">;
export type ContentPublished = Row<"content.published">;
export type ContentDeleted = Row<"content.deleted">;

/** One change of one item, as it is on the wire; a union that `event_type` tells apart. */
export type LiveUpdate = ContentCreated | ContentUpdated | ContentPublished | ContentDeleted;

/** What `onWebhook` gets: from a webhook in production, from the socket in development. */
export type SpoolWebhookPayload = Omit<WebhookBody, "collection" | "metadata"> & Content;

/**
 * Notice that updates were missed and cannot be recovered: fetch your content again. The client
 * continues after `seq`. `reason` is "history" if the CMS's log no longer reaches back to the
 * client's position (or was restored from a backup), "overflow" if a queue with `overflow:
 * "drop_oldest"` was full.
 */
export interface Reset {
  event_type: "reset";
  seq: number;
  reason: "history" | "overflow";
}

export type StreamEvent = LiveUpdate | Reset;

/** The updates that a handler wants to receive; an option left out means all. */
export interface UpdateFilter {
  collections?: readonly string[] | undefined;
  eventTypes?: readonly EventType[] | undefined;
}

export function matches(filter: UpdateFilter, update: LiveUpdate): boolean {
  return (
    (filter.collections?.includes(update.collection) ?? true) &&
    (filter.eventTypes?.includes(update.event_type) ?? true)
  );
}

/** The update in a JSON value of the API, a broadcast or a table row. Throws TypeError. */
export function parseUpdate(row: unknown): LiveUpdate {
  const { id, site_id, event_type, collection, item_id, timestamp, slug, metadata, seq } =
    record(row);
  return {
    id: text(id, "id"),
    site_id: text(site_id, "site_id"),
    event_type: text(event_type, "event_type"),
    collection: text(collection, "collection"),
    slug: slug == null ? null : text(slug, "slug"),
    item_id: text(item_id, "item_id"),
    timestamp: text(timestamp, "timestamp"),
    metadata: metadata == null ? {} : record(metadata),
    seq: seq == null ? null : integer(seq, "seq"),
  } as LiveUpdate;
}

/** The same event in the form of a webhook. */
export function asWebhook(update: LiveUpdate): SpoolWebhookPayload {
  const { event_type, ...rest } = update;
  return { event: event_type, ...rest } as SpoolWebhookPayload;
}

/** `value` as a JSON object. Throws TypeError. */
export function record(value: unknown): Record<string, unknown> {
  if (typeof value !== "object" || value === null || Array.isArray(value))
    throw new TypeError("a JSON object was expected");
  return value as Record<string, unknown>;
}

/** `value` as text. Throws TypeError with the field's name. */
export function text(value: unknown, name: string): string {
  if (typeof value !== "string") throw new TypeError(`${name} is not text`);
  return value;
}

/** `value` as a whole number from 0 that JavaScript holds exactly. Throws TypeError. */
export function integer(value: unknown, name: string): number {
  if (!Number.isSafeInteger(value) || (value as number) < 0)
    throw new TypeError(`${name} is not a whole number`);
  return value as number;
}

/** The error for an answer of the API that cannot be read. */
export function unknownAnswer(endpoint: string, cause: unknown): IncompatibleServerError {
  return new IncompatibleServerError(
    `The answer of ${endpoint} is not what this client knows (${(cause as Error).message}): check ` +
      "SPOOL_API_URL, or install the version of spool-live that the CMS runs.",
    { cause },
  );
}
