// The page's own server: public articles, and the time of day.
import type { Card, PageConfig, Story } from "./types";

const NIL = "00000000-0000-0000-0000-000000000000";

/** The server answered with an error. */
class Refused extends Error {
  constructor(readonly status: number) {
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
    if (!response.ok) throw new Refused(response.status);
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
