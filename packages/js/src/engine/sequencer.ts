// The sequencer takes updates and log pages, and returns each update once, in order; no I/O.
//
// Handlers see the updates of a site in the order of `seq`. The socket may lose, repeat and
// reorder; the log may not. So an update that does not directly follow the last one waits, and only
// the log closes a gap: by a page with the missing updates, or one that proves that they do not
// exist.
import type { LiveUpdate, Reset, StreamEvent } from "../updates.js";

/** One answer of the log to "what came after N?", oldest first. */
export interface Page {
  updates: readonly LiveUpdate[];
  /** The site's newest number. */
  seq: number;
  /** Cursor of the next page, null on the last. */
  next: number | null;
  reset: boolean;
  /** Null if the page was read through PostgREST, which does not name it. */
  epoch: number | null;
}

/** The highest number in the page, or null: the log has nothing unread below it. */
export function lastSeq(page: Page): number | null {
  return page.updates.reduce<number | null>(
    (last, { seq }) => (seq === null ? last : Math.max(last ?? 0, seq)),
    null,
  );
}

/** The position of one site's stream, and the updates that wait behind a gap. */
export class Sequencer {
  readonly #waiting = new Map<number, LiveUpdate>();
  readonly #seen = new Set<string>();

  constructor(
    public position: number,
    private readonly maxWaiting = 1_000,
    private readonly remember = 2_000,
  ) {}

  /** The lowest number that waits behind a gap which only the log can close; or null. */
  get gapBefore(): number | null {
    let least: number | null = null;
    for (const seq of this.#waiting.keys()) if (least === null || seq < least) least = seq;
    return least;
  }

  /** Takes updates from the socket; returns what may be delivered now, in order. */
  receive(updates: readonly LiveUpdate[]): StreamEvent[] {
    const events: StreamEvent[] = [];
    for (const update of updates) {
      const { seq } = update;
      if (seq === null) this.#once(update, events);
      else if (seq > this.position && this.#hasRoomFor(seq) && !this.#waiting.has(seq))
        this.#waiting.set(seq, update);
    }
    this.#drain(events);
    return events;
  }

  /**
   * Takes a page that was read with `after=position`; returns what may be delivered now. The log
   * never shows N+1 before N, so numbers missing from a page do not exist: they are skipped.
   */
  absorb(page: Page): StreamEvent[] {
    if (page.reset) return this.#startAgain(page.seq);
    for (const update of page.updates)
      if (update.seq !== null && update.seq > this.position) this.#waiting.set(update.seq, update);
    return this.#pass(lastSeq(page) ?? 0);
  }

  /** Skips the gap, because the log has nothing for it; returns what may be delivered now. */
  acceptGap(): StreamEvent[] {
    return this.#pass(this.gapBefore ?? 0);
  }

  #startAgain(seq: number): StreamEvent[] {
    this.position = seq;
    for (const waiting of [...this.#waiting.keys()])
      if (waiting <= seq) this.#waiting.delete(waiting);
    const reset: Reset = { event_type: "reset", seq, reason: "history" };
    const events: StreamEvent[] = [reset];
    this.#drain(events);
    return events;
  }

  #hasRoomFor(seq: number): boolean {
    return seq === this.position + 1 || this.#waiting.size < this.maxWaiting;
  }

  /** Returns all updates that wait up to `bound`, and those that follow; moves the position. */
  #pass(bound: number): StreamEvent[] {
    const events: StreamEvent[] = [];
    const due = [...this.#waiting.keys()].filter((seq) => seq <= bound).sort((a, b) => a - b);
    for (const seq of due) this.#once(this.#take(seq)!, events);
    this.position = Math.max(this.position, bound);
    this.#drain(events);
    return events;
  }

  /** Adds the updates that follow the position without a gap, and moves it behind them. */
  #drain(events: StreamEvent[]): void {
    for (let update: LiveUpdate | undefined; (update = this.#take(this.position + 1)); ) {
      this.position += 1;
      this.#once(update, events);
    }
  }

  #take(seq: number): LiveUpdate | undefined {
    const update = this.#waiting.get(seq);
    this.#waiting.delete(seq);
    return update;
  }

  /** Adds the update unless its id was seen: a restored CMS may repeat it with another number. */
  #once(update: LiveUpdate, events: StreamEvent[]): void {
    if (this.#seen.has(update.id)) return;
    this.#seen.add(update.id);
    if (this.#seen.size > this.remember) this.#seen.delete(this.#seen.values().next().value!);
    events.push(update);
  }
}
