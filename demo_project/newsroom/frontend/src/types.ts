// What travels: the wire format of updates, tokens and the site's own JSON.

export type EventType =
  | "content.created"
  | "content.updated"
  | "content.published"
  | "content.deleted";

export interface Update {
  id: string;
  site_id: string;
  event_type: EventType;
  collection: string;
  slug: string | null;
  item_id: string;
  /** Time of the edit, ISO 8601. */
  timestamp: string;
  metadata: Record<string, unknown>;
  seq: number | null;
}

export interface UpdatePage {
  status: "recovered" | "reset";
  results: Update[];
  next: number | null;
  seq: number;
  epoch: number;
}

export interface LiveToken {
  token: string;
  epoch: number;
  supabase_url: string;
  supabase_key: string;
  realtime: {
    mode: "broadcast" | "postgres_changes";
    broadcast: { topic: string; private: boolean; event: string };
    postgres_changes: {
      topic: string;
      schema: string;
      table: string;
      event: string;
      filter: string;
    };
  };
  /** Seconds after which the page asks its server for the next one. */
  refresh_in: number;
}

export interface Card {
  id: string;
  title: string;
  summary: string;
  section: string;
  section_slug: string;
  byline: string;
  published_at: string;
  updated_at: string;
  tags: string[];
  url: string;
  art: string;
}

export interface Story extends Card {
  paragraphs: string[];
  minutes: number;
}

/** Written into the page by its server. */
export interface PageConfig {
  cards_url: string;
  story_url: string;
  token_url: string;
  updates_url: string;
  section?: string | null;
  item?: string | null;
}

/** How an update reached the page. */
export type Road = "live" | "catch-up";

/** What an update did to the page. */
export type Outcome = "added" | "changed" | "removed" | "not public" | "no change";
