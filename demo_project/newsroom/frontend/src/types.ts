// The site's own JSON. What travels live has its types in spool-live.

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
  site_id: string;
  live_url: string;
  section?: string | null;
  item?: string | null;
}

/** How an update reached the page. */
export type Transport = "live" | "catch-up";

/** What an update did to the page. */
export type Outcome = "added" | "changed" | "removed" | "not public" | "no change";
