// The paper's articles, from the CMS's public JSON, cached until an update makes them stale.
import { cacheLife, cacheTag } from "next/cache";
import { spoolTags } from "spool-live/next";

export interface Card {
  id: string;
  slug: string;
  title: string;
  summary: string;
  section: string;
  byline: string;
  published_at: string;
  url: string;
}

export interface Story extends Card {
  paragraphs: string[];
  minutes: number;
}

const paper = new URL(process.env.PAPER_URL ?? "http://127.0.0.1:8000/sites/courier/");

export async function cards(): Promise<Card[]> {
  "use cache";
  cacheLife("max");
  // A renamed section changes every card that names it.
  cacheTag(...spoolTags("articles"), ...spoolTags("categories"));
  const answer = (await ask("articles.json")) as { cards: Omit<Card, "slug">[] };
  return answer.cards.map((card) => ({ ...card, slug: slugOf(card.url) }));
}

export async function story(slug: string): Promise<Story | null> {
  "use cache";
  cacheLife("max");
  cacheTag(...spoolTags("articles", slug), ...spoolTags("categories"));
  const found = (await cards()).find((card) => card.slug === slug);
  if (!found) return null;
  cacheTag(...spoolTags("articles", found.id));
  return ((await ask(`articles/${found.id}.json`)) as { story: Story }).story;
}

async function ask(path: string): Promise<unknown> {
  const response = await fetch(new URL(path, paper));
  if (!response.ok) throw new Error(`The CMS answered ${response.status} at ${path}.`);
  return response.json();
}

function slugOf(url: string): string {
  return url.split("/").filter(Boolean).at(-1)!;
}
