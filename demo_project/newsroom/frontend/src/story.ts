// An article's own page: it changes while it is read, and says so when it is taken off.
import { fill } from "./fields";
import type { LiveUpdate } from "spool-live";

import type { SiteServer } from "./server";
import type { Outcome, PageConfig } from "./types";

export class StoryPage {
  #gone = false;

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
    const wasGone = this.#gone;
    this.#gone = story === null;
    this.root.toggleAttribute("data-gone", this.#gone);
    if (story === null) return wasGone ? "not public" : "removed";
    const changed = fill(this.root, story);
    // A new slug is a new address; the old one would answer 404 on the next visit.
    if (location.pathname !== story.url) history.replaceState(null, "", story.url);
    return wasGone ? "added" : changed ? "changed" : "no change";
  }
}
