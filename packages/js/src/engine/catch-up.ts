// Reads the log: on request, at intervals, and more often while there is no socket.
import { type LiveUpdatesError, TransientError } from "../errors.js";
import type { Phase, StateHolder } from "../state.js";
import { jittered, now, pollInterval, retryDelay, type Timing } from "../timing.js";
import { PAGE_SIZE, type UpdateLog } from "./log.js";
import { lastSeq, type Page } from "./sequencer.js";
import type { Stream } from "./stream.js";
import { Bell, sleep } from "./waiting.js";
import type { Watchdog } from "./watchdog.js";

const CONFIRMATIONS = 3;
const JOINED = new Set<Phase>(["live", "delayed"]);

/** The only reader of the log for a stream. `run` is its loop; the rest may be called any time. */
export class CatchUp {
  #requested = false;
  #begun = 0;
  #finished = 0;
  #idlePolls = 0;
  #failures = 0;
  readonly #wake = new Bell();
  readonly #progress = new Bell();

  constructor(
    private readonly log: UpdateLog,
    private readonly stream: Stream,
    private readonly watchdog: Watchdog,
    private readonly state: StateHolder,
    private readonly timing: Timing,
    /** Milliseconds between two catch-ups while the socket is live. */
    private readonly usualInterval: () => number,
    private readonly onEpoch: (epoch: number) => void,
  ) {}

  /** Reads the log soon. Requests made before the reading begins are merged into one. */
  request(): void {
    this.#requested = true;
    this.#wake.ring();
  }

  /** Recomputes the interval, because the socket was connected or lost. */
  reschedule(): void {
    this.#wake.ring();
  }

  /** Requests a catch-up; resolves once one that began after this call has finished. */
  async complete(signal: AbortSignal): Promise<void> {
    const goal = this.#begun + 1;
    this.request();
    while (this.#finished < goal) await this.#progress.wait(signal);
  }

  /** Reads the log again and again, until aborted. Throws every error but a TransientError. */
  async run(signal: AbortSignal): Promise<void> {
    await this.stream.started(signal);
    for (;;) {
      const onTime = await this.#wait(signal);
      try {
        await this.#readAll(onTime && JOINED.has(this.state.current.phase), signal);
        this.#failures = 0;
      } catch (error) {
        if (!(error instanceof TransientError)) throw error;
        this.#failures += 1;
        this.#report(error);
        await sleep(retryDelay(this.#failures, error.retryAfter, this.timing), signal);
        this.request();
      }
    }
  }

  /** Waits for a request or for the end of the interval; resolves with true in the latter case. */
  async #wait(signal: AbortSignal): Promise<boolean> {
    while (!this.#requested) if (!(await this.#wake.wait(signal, this.#interval()))) return true;
    this.#requested = false;
    return false;
  }

  #interval(): number {
    if (!this.state.current.connected || this.watchdog.suspicious)
      return pollInterval(this.#idlePolls, this.timing);
    return jittered(this.usualInterval());
  }

  async #readAll(probe: boolean, signal: AbortSignal): Promise<void> {
    const turn = ++this.#begun;
    const found = await this.#readPages(signal);
    if (probe && found !== null) this.watchdog.found(found, now());
    this.#idlePolls = found === null ? this.#idlePolls + 1 : 0;
    await this.#closeGap(signal);
    this.#finished = turn;
    this.#progress.ring();
  }

  /** Reads to the end of the log; resolves with the highest new sequence number, or null. */
  async #readPages(signal: AbortSignal): Promise<number | null> {
    for (let found: number | null = null; ; ) {
      const before = this.stream.position ?? 0;
      const page = await this.log.read(before, PAGE_SIZE, signal);
      this.stream.absorb(page);
      this.#note(page);
      const last = lastSeq(page);
      if (last !== null && last > before) found = last;
      if (page.next === null) return found;
    }
  }

  /** Reads again for an update that the log does not show yet, then accepts the gap. */
  async #closeGap(signal: AbortSignal): Promise<void> {
    const { gapBefore } = this.stream;
    for (let n = 1; n <= CONFIRMATIONS; n++) {
      if (gapBefore === null) return;
      await sleep(this.timing.catchUpConfirm * n, signal);
      await this.#readPages(signal);
      if (this.stream.gapBefore !== gapBefore) {
        this.request(); // there was progress: another gap gets its own confirmations
        return;
      }
    }
    if (this.log.proves) this.stream.acceptGap();
  }

  #note(page: Page): void {
    this.#report(this.log.trouble);
    if (page.epoch !== null) this.onEpoch(page.epoch);
  }

  #report(trouble: LiveUpdatesError | undefined): void {
    const error = trouble || this.state.current.connected ? { error: trouble?.message } : {};
    this.state.update({ log: this.log.source, ...error });
  }
}
