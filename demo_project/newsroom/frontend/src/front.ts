// A live front page: cards appear, change and disappear with the public articles.
import type { LiveUpdate } from "spool-live";

import { fill } from "./fields";
import { depart, glide, highlight } from "./motion";
import type { SiteServer } from "./server";
import type { Card, Outcome, PageConfig } from "./types";

export class FrontPage {
  #newest = new Map<string, symbol>();

  constructor(
    private readonly list: HTMLElement,
    private readonly blank: HTMLTemplateElement,
    private readonly server: SiteServer,
    private readonly page: PageConfig,
  ) {}

  /** Brings the page up to date with what `update` reported. */
  async apply(update: LiveUpdate): Promise<Outcome> {
    if (update.collection === "categories") return this.reload();
    if (update.collection !== "articles") return "no change";
    // Answers may overtake one another: only that to the newest request for an item counts.
    const question = Symbol(update.id);
    this.#newest.set(update.item_id, question);
    const story = await this.server.story(update.item_id);
    if (this.#newest.get(update.item_id) !== question) return "no change";
    const shown = story && (!this.page.section || story.section_slug === this.page.section);
    return shown ? this.#place(story) : this.#remove(update.item_id, story !== null);
  }

  /** Compares the whole page with its server's. */
  async reload(): Promise<Outcome> {
    const cards = await this.server.cards();
    const ids = new Set(cards.map((card) => card.id));
    const outcomes = cards.map((card) => this.#place(card));
    for (const element of [...this.#elements()])
      if (!ids.has(element.dataset.id!)) outcomes.push(this.#remove(element.dataset.id!, true));
    return outcomes.find((outcome) => outcome !== "no change") ?? "no change";
  }

  #place(card: Card): Outcome {
    const present = this.#find(card.id);
    if (present && present.dataset.published === card.published_at) return this.#refresh(present, card);
    const element = present ?? this.#create(card);
    fill(element, card, false);
    element.dataset.published = card.published_at;
    glide(this.list, () => this.list.insertBefore(element, this.#successor(card)));
    highlight(element, present ? "changed" : "added");
    return present ? "changed" : "added";
  }

  #refresh(element: HTMLElement, card: Card): Outcome {
    let changed = false;
    glide(this.list, () => (changed = fill(element, card)));
    if (changed) highlight(element, "changed");
    return changed ? "changed" : "no change";
  }

  #remove(id: string, isPublic: boolean): Outcome {
    const element = this.#find(id);
    if (!element) return isPublic ? "no change" : "not public";
    element.removeAttribute("data-id"); // removed for the script; visible for a moment
    void depart(element).then(() => glide(this.list, () => element.remove()));
    return "removed";
  }

  #create(card: Card): HTMLElement {
    const element = this.blank.content.firstElementChild!.cloneNode(true) as HTMLElement;
    element.dataset.id = card.id;
    return element;
  }

  /** The first card that is older: newest come first, as on the server. */
  #successor(card: Card): Element | null {
    const published = Date.parse(card.published_at);
    for (const element of this.#elements())
      if (element.dataset.id !== card.id && Date.parse(element.dataset.published!) < published)
        return element;
    return null;
  }

  #find(id: string): HTMLElement | null {
    return this.list.querySelector(`[data-id="${CSS.escape(id)}"]`);
  }

  #elements(): NodeListOf<HTMLElement> {
    return this.list.querySelectorAll<HTMLElement>("[data-id]");
  }
}
