// Written by `python -m spool_live.schema`: change spool_live/schema/wire.py, not this file.

export type EventType =
  | "content.created"
  | "content.updated"
  | "content.published"
  | "content.deleted";

/** What spool_live itself puts into the metadata of an update, beside the collection's own. */
export interface UpdateMetadata {
  /** False where the item was unpublished. */
  published?: boolean;
  /** The slug before this change. */
  previous_slug?: string;
  /** The cache tags that this change makes stale. */
  cache_tags?: string[];
  /** Entries that were too large were left out. */
  truncated?: boolean;
  /** Entries that JSON cannot hold were left out. */
  invalid?: boolean;
}

/** One change of one item: a row of `live_updates`, as it is broadcast and as the log has it. */
export interface UpdateRow {
  id: string;
  site_id: string;
  event_type: EventType;
  collection: string;
  slug: string | null;
  item_id: string;
  /** Time of the edit, ISO 8601. */
  timestamp: string;
  metadata: UpdateMetadata & Record<string, unknown>;
  /** Counts the updates of the site; null in rows that were not written by spool_live. */
  seq: number | null;
}

/** The body of a webhook. */
export interface WebhookBody {
  event: EventType;
  site_id: string;
  collection: string;
  slug: string | null;
  item_id: string;
  /** Time of the edit, ISO 8601. */
  timestamp: string;
  metadata: UpdateMetadata & Record<string, unknown>;
  id: string;
  seq: number | null;
}
