// The page's own server: token, catch-up, public articles, and the time of day.
import type { Card, LiveToken, PageConfig, Story, UpdatePage } from "./types";

const NIL = "00000000-0000-0000-0000-000000000000";

/** The server answered with an error; `retryAfter` is in seconds, 0 where it names none. */
export class Refused extends Error {
  constructor(
    readonly status: number,
    readonly retryAfter: number,
  ) {
    super(`the site's server answered ${status}`);
  }
}

export class SiteServer {
  /** Server time minus local time, in ms, from the answer with the shortest round trip. */
  #offset = 0;
  #roundTrip = Infinity;

  constructor(private readonly page: PageConfig) {}

  /** The server's time, in ms. */
  now(): number {
    return Date.now() + this.#offset;
  }

  token(staleEpoch: number | null): Promise<LiveToken> {
    const query = staleEpoch === null ? "" : `?stale_epoch=${staleEpoch}`;
    return this.#get<LiveToken>(this.page.token_url + query);
  }

  /** The updates after `cursor`; without a cursor only where the log ends. */
  updates(cursor: number | null): Promise<UpdatePage> {
    const query = cursor === null ? "" : `?after=${cursor}`;
    return this.#get<UpdatePage>(this.page.updates_url + query);
  }

  async cards(): Promise<Card[]> {
    const query = this.page.section ? `?section=${encodeURIComponent(this.page.section)}` : "";
    return (await this.#get<{ cards: Card[] }>(this.page.cards_url + query)).cards;
  }

  /** The article as the public may read it now; `null` where it may not. */
  async story(id: string): Promise<Story | null> {
    try {
      return (await this.#get<{ story: Story }>(this.page.story_url.replace(NIL, id))).story;
    } catch (error) {
      if (error instanceof Refused && error.status === 404) return null;
      throw error;
    }
  }

  async #get<T>(url: string): Promise<T> {
    const asked = Date.now();
    const response = await fetch(url, { headers: { Accept: "application/json" } });
    if (!response.ok) {
      throw new Refused(response.status, Number(response.headers.get("Retry-After")) || 0);
    }
    const answer = (await response.json()) as T & { server_time: number };
    this.#compareClocks(asked, Date.now(), answer.server_time);
    return answer;
  }

  /** Cristian's algorithm: the server read its clock about half-way through the round trip. */
  #compareClocks(asked: number, answered: number, serverTime: number): void {
    const roundTrip = answered - asked;
    if (roundTrip > this.#roundTrip) return;
    this.#roundTrip = roundTrip;
    this.#offset = serverTime - (asked + answered) / 2;
  }
}
