// Order out of disorder, without I/O: updates and log pages go in, each update comes out once.
//
// Handlers see the updates of a site in the order of `seq`. The socket may lose, repeat and reorder;
// the log may not. So an update that does not follow the last one waits, and a gap is closed only by
// the log: by a page that brings the missing updates, or one that proves there is nothing to bring.
import type { LiveUpdate, Reset, StreamEvent } from "../updates.js";

/** One answer of the log to "what came after N?", oldest first. */
export interface Page {
  updates: readonly LiveUpdate[];
  /** The site's newest number. */
  seq: number;
  /** Cursor of the next page, null on the last. */
  next: number | null;
  reset: boolean;
  /** Null where the answer does not name it (read through PostgREST). */
  epoch: number | null;
}

/** The highest number in the page, or null: the log has nothing unseen below it. */
export function lastSeq(page: Page): number | null {
  return page.updates.reduce<number | null>(
    (last, { seq }) => (seq === null ? last : Math.max(last ?? 0, seq)),
    null,
  );
}

/** The position of one site's stream, and what waits behind a gap. */
export class Sequencer {
  readonly #waiting = new Map<number, LiveUpdate>();
  readonly #seen = new Set<string>();

  constructor(
    public position: number,
    private readonly maxWaiting = 1_000,
    private readonly remember = 2_000,
  ) {}

  /** The first number that waits behind a gap, so that the log has to be asked; or null. */
  get gapBefore(): number | null {
    let least: number | null = null;
    for (const seq of this.#waiting.keys()) if (least === null || seq < least) least = seq;
    return least;
  }

  /** Take what the socket brought; return what may be delivered now, in order. */
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
   * Take a page asked for with `after=position`; return what may be delivered now. The log never
   * shows N+1 before N, so a page proves its own gaps: they are passed over, not asked for again.
   */
  absorb(page: Page): StreamEvent[] {
    if (page.reset) return this.#startAgain(page.seq);
    for (const update of page.updates)
      if (update.seq !== null && update.seq > this.position) this.#waiting.set(update.seq, update);
    return this.#pass(lastSeq(page) ?? 0);
  }

  /** Go on behind the gap: the log was asked, and has nothing for it. */
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

  /** Deliver all that waits up to this number; nothing below it is missing any more. */
  #pass(bound: number): StreamEvent[] {
    const events: StreamEvent[] = [];
    const due = [...this.#waiting.keys()].filter((seq) => seq <= bound).sort((a, b) => a - b);
    for (const seq of due) this.#once(this.#take(seq)!, events);
    this.position = Math.max(this.position, bound);
    this.#drain(events);
    return events;
  }

  /** Deliver all that follows the position without a gap. */
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

  /** The update, unless its id was seen: a restored server may renumber what it repeats. */
  #once(update: LiveUpdate, events: StreamEvent[]): void {
    if (this.#seen.has(update.id)) return;
    this.#seen.add(update.id);
    if (this.#seen.size > this.remember) this.#seen.delete(this.#seen.values().next().value!);
    events.push(update);
  }
}
