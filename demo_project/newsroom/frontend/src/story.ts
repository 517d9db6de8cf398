// An article's own page: it changes while it is read, and shows when the article is unpublished.
import { fill } from "./fields";
import type { LiveUpdate } from "spool-live";

import type { SiteServer } from "./server";
import type { Outcome, PageConfig } from "./types";

export class StoryPage {
  #removed = false;

  constructor(
    private readonly root: HTMLElement,
    private readonly server: SiteServer,
    private readonly page: PageConfig,
  ) {}

  /** Brings the page up to date if `update` is about its article or a section. */
  async apply(update: LiveUpdate): Promise<Outcome> {
    if (update.item_id === this.page.item || update.collection === "categories")
      return this.reload();
    return "no change";
  }

  async reload(): Promise<Outcome> {
    const story = await this.server.story(this.page.item!);
    const wasRemoved = this.#removed;
    this.#removed = story === null;
    this.root.toggleAttribute("data-gone", this.#removed);
    if (story === null) return wasRemoved ? "not public" : "removed";
    const changed = fill(this.root, story);
    // A new slug is a new address; the old one would answer 404 on the next visit.
    if (location.pathname !== story.url) history.replaceState(null, "", story.url);
    return wasRemoved ? "added" : changed ? "changed" : "no change";
  }
}
