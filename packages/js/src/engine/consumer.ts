// The bounded queue of one subscriber, which never blocks others; the log has what does not fit.
import { DisconnectedError, type LiveUpdatesError, TransientError } from "../errors.js";
import { retryDelay, type Timing } from "../timing.js";
import { matches, type StreamEvent, type UpdateFilter } from "../updates.js";
import { PAGE_SIZE } from "./log.js";
import type { Page } from "./sequencer.js";
import { Bell } from "./waiting.js";

export type ReadLog = (after: number, limit: number, signal: AbortSignal) => Promise<Page>;

export interface ConsumerOptions {
  position: number | undefined;
  size: number;
  dropOldest: boolean;
  filter: UpdateFilter;
}

/**
 * A queue that takes events in order and hands them out with `get`.
 *
 * A full queue ignores further events (unless it drops the oldest). When it is empty again, it
 * reads the log from the point at which it stopped. A consumer that begins at an older position (a
 * stored cursor) does the same.
 */
export class Consumer {
  #position: number | undefined;
  #done: number | undefined;
  #inHand: StreamEvent | undefined;
  #queue: StreamEvent[] = [];
  /** Events that arrive while the log is being read. */
  #aside: StreamEvent[] | undefined;
  #lagging = false;
  /** The stream's position, as far as known. */
  #target = 0;
  readonly #ended = new AbortController();
  readonly #arrived = new Bell();

  constructor(
    private readonly readLog: ReadLog,
    private readonly timing: Timing,
    private readonly options: ConsumerOptions,
  ) {
    this.#position = this.#done = options.position;
  }

  /** Whether no event is waiting or being handled. */
  get idle(): boolean {
    return !this.#queue.length && this.#inHand === undefined && !this.#lagging;
  }

  /** The sequence number up to which everything has been handled. */
  get cursor(): number | undefined {
    return this.#queue.length || this.#inHand ? this.#done : this.#position;
  }

  /** Begins at `position` of the stream, or at the consumer's own older one and catches up. */
  start(position: number): void {
    if (this.#position === undefined) this.#position = this.#done = position;
    this.#lagging ||= this.#position !== position;
    this.#target = Math.max(this.#target, position);
    this.#arrived.ring();
  }

  /** Takes the next event of the stream, if there is room. Never blocks. */
  offer(event: StreamEvent): void {
    this.#target =
      event.event_type === "reset" ? event.seq : Math.max(this.#target, event.seq ?? 0);
    if (this.#aside) {
      if (this.#aside.length < this.options.size) this.#aside.push(event);
      else this.#lagging = true;
    } else if (!this.#lagging) this.#take(event);
    this.#arrived.ring();
  }

  /** Ends the queue: `get` hands out what is queued, then throws `error`. */
  end(error?: LiveUpdatesError): void {
    this.#ended.abort(error ?? new DisconnectedError("The client is disconnected."));
    this.#arrived.ring();
  }

  /** The next event; the previous one counts as handled now. Throws what ended the stream. */
  async get(): Promise<StreamEvent> {
    this.done();
    let failures = 0;
    while (!this.#queue.length) {
      if (this.#lagging && !this.#ended.signal.aborted) failures = await this.#catchUp(failures);
      else await this.#arrived.wait(this.#ended.signal);
    }
    this.#inHand = this.#queue.shift()!;
    return this.#inHand;
  }

  /** Notes that the event which `get` returned last is handled. */
  done(): void {
    if (this.#inHand?.seq != null) this.#done = this.#inHand.seq;
    this.#inHand = undefined;
  }

  #take(event: StreamEvent): void {
    if (event.event_type === "reset") {
      if (event.seq === this.#position) return;
      this.#position = event.seq;
      this.#append(event);
      return;
    }
    if (event.seq !== null && event.seq <= (this.#position ?? 0)) return;
    const wanted = matches(this.options.filter, event);
    if (wanted && this.#isFull && !this.options.dropOldest) {
      this.#lagging = true;
      return;
    }
    this.#position = event.seq ?? this.#position;
    if (wanted) this.#append(event);
  }

  #append(event: StreamEvent): void {
    if (this.#isFull && this.options.dropOldest) this.#makeRoom();
    this.#queue.push(event);
  }

  get #isFull(): boolean {
    return this.#queue.length >= this.options.size;
  }

  #makeRoom(): void {
    let dropped = this.#queue.shift()!;
    if (dropped.event_type === "reset" && this.#queue.length) dropped = this.#queue.shift()!;
    this.#queue.unshift({ event_type: "reset", seq: dropped.seq ?? 0, reason: "overflow" });
  }

  /** Reads one page; events that arrive meanwhile follow it. Returns the number of failures. */
  async #catchUp(failures: number): Promise<number> {
    const { signal } = this.#ended;
    const target = this.#target;
    this.#lagging = false;
    this.#aside = [];
    let page: Page;
    try {
      page = await this.readLog(
        this.#position ?? 0,
        Math.min(this.options.size, PAGE_SIZE),
        signal,
      );
    } catch (error) {
      this.#aside = undefined;
      this.#lagging = true;
      if (!(error instanceof TransientError)) throw error;
      return this.#pause(failures + 1, error.retryAfter);
    }
    const aside = this.#aside;
    this.#aside = undefined;
    if (page.reset) this.#take({ event_type: "reset", seq: page.seq, reason: "history" });
    for (const update of page.updates) this.#take(update);
    if (page.next !== null || this.#lagging) {
      this.#lagging = true;
      return 0;
    }
    if (page.epoch === null && (this.#position ?? 0) < target) {
      this.#lagging = true; // only the CMS proves a gap
      return this.#pause(failures + 1);
    }
    for (const event of aside) this.#take(event);
    return 0;
  }

  /** Waits for the back-off time, or until the stream ends; returns `failures`. */
  async #pause(failures: number, retryAfter?: number): Promise<number> {
    const wait = retryDelay(failures, retryAfter, this.timing);
    await new Bell().wait(this.#ended.signal, wait);
    return failures;
  }
}
