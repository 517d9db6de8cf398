// Is the socket that looks alive alive? Judged by comparing what it brings with the log; no I/O.
import type { Timing } from "../timing.js";

export type Verdict = "well" | "kick" | "rebuild";

/**
 * Suspects a socket that stays silent about updates which the log already has.
 *
 * The log may be ahead for a good reason (Supabase away, an entry it refused), so every useless
 * remedy doubles the patience, up to `patienceMaximum`; anything received restores it.
 */
export class Watchdog {
  #patience: number;
  #received = -1;
  #deadline: number | null = null;
  #kicked = false;

  constructor(private readonly timing: Timing) {
    this.#patience = timing.suspicion;
  }

  /** Whether to look more often. */
  get suspicious(): boolean {
    return this.#deadline !== null || this.#kicked;
  }

  /** A new socket deserves a new judgement. */
  joined(): void {
    this.#deadline = null;
    this.#kicked = false;
  }

  /** The socket brought this number. */
  received(seq: number): void {
    this.#received = Math.max(this.#received, seq);
    this.#deadline = null;
    this.#kicked = false;
    this.#patience = this.timing.suspicion;
  }

  /** The log has this number, recorded while the socket was live. */
  found(seq: number, now: number): void {
    if (seq > this.#received) this.#deadline ??= now + this.#patience;
  }

  /** What to do now: a fresh token wakes a subscription that died with its database. */
  verdict(now: number): Verdict {
    if (this.#deadline === null || now < this.#deadline) return "well";
    this.#deadline = null;
    this.#patience = Math.min(this.#patience * 2, this.timing.patienceMaximum);
    if (this.#kicked) return "rebuild";
    this.#kicked = true;
    return "kick";
  }
}
