// Fetches tokens, one at a time, and schedules the next.
import type { ContentApi } from "../api.js";
import { RateLimitedError, ServerUnreachableError, TransientError } from "../errors.js";
import { now, retryDelay, type Timing } from "../timing.js";
import { expired, type Token } from "../token.js";
import { Bell } from "./waiting.js";

export class TokenSource {
  current: Token | undefined;
  #life = Infinity;
  #failures = 0;
  #dueAt = now();
  #staleEpoch: number | undefined;
  readonly #changed = new Bell();
  #fetching: Promise<unknown> = Promise.resolve();

  constructor(
    private readonly api: ContentApi,
    private readonly timing: Timing,
  ) {}

  /** A fresh token, or the current valid one if the CMS is unreachable. */
  async forJoin(signal: AbortSignal): Promise<Token> {
    try {
      return await this.fetch(signal);
    } catch (error) {
      const unreachable =
        error instanceof ServerUnreachableError || error instanceof RateLimitedError;
      if (!unreachable || !this.current || expired(this.current)) throw error;
      return this.current;
    }
  }

  /**
   * Fetches a new token, and schedules the next one or, after a TransientError, another attempt.
   */
  fetch(signal: AbortSignal): Promise<Token> {
    const fetching = this.#fetching.then(() => this.#fetch(signal));
    this.#fetching = fetching.catch(() => {});
    return fetching;
  }

  async #fetch(signal: AbortSignal): Promise<Token> {
    try {
      const token = await this.api.token(this.#staleEpoch, signal);
      this.#failures = 0;
      if (token.epoch !== this.#staleEpoch) this.#staleEpoch = undefined;
      this.current = token;
      this.#plan(token.receivedAt + Math.min(token.lifetime, this.#life) * this.timing.refreshAt);
      return token;
    } catch (error) {
      if (error instanceof TransientError) {
        this.#failures += 1;
        this.#plan(now() + retryDelay(this.#failures, error.retryAfter, this.timing));
      }
      throw error;
    }
  }

  /** Resolves when it is time to fetch a new token. */
  async due(signal: AbortSignal): Promise<void> {
    for (let wait: number; (wait = this.#dueAt - now()) > 0; )
      await this.#changed.wait(signal, Math.min(wait, 2 ** 31 - 1));
  }

  /** Schedules a new token at a random moment within this many milliseconds. */
  request(within = 0): void {
    this.#plan(Math.min(this.#dueAt, now() + within * Math.random()));
  }

  /**
   * Does the same after the end of `epoch`: a server that keeps tokens must not send its token
   * again.
   */
  requestAfterEpoch(epoch: number, within: number): void {
    this.#staleEpoch = epoch;
    this.request(within);
  }

  /**
   * Discards the current token, which Realtime refused as expired. If it should still be valid,
   * Realtime's clock is ahead of the CMS's, and from now on tokens are refreshed earlier. Returns
   * false if the token was so new that this cannot help.
   */
  refusedAsExpired(): boolean {
    if (!this.current) return true;
    const age = now() - this.current.receivedAt;
    if (this.timing.bornExpired < age && age < this.current.lifetime) this.#life = age;
    this.current = undefined;
    return age >= this.timing.bornExpired;
  }

  #plan(dueAt: number): void {
    this.#dueAt = dueAt;
    this.#changed.ring();
  }
}
