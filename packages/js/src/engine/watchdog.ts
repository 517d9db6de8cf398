// Is the socket that looks alive alive? Judged by comparing what it brings with the log; no I/O.
import type { Timing } from "../timing.js";

export type Verdict = "well" | "kick" | "rebuild";

/**
 * Suspects a socket that stays silent about updates which the log already has.
 *
 * After `suspicion` the socket is late; after the patience, which is as long at first, a remedy is
 * due. The log may be ahead for a good reason (Supabase away, an entry it refused), so every useless
 * remedy doubles the patience, up to `patienceMaximum`; anything received restores it.
 */
export class Watchdog {
  #patience: number;
  #received = -1;
  #foundAt: number | null = null;
  #deadline: number | null = null;
  #kicked = false;
  /** Whether to look more often: since a suspicion, nothing proved that the socket lives. */
  suspicious = false;

  constructor(private readonly timing: Timing) {
    this.#patience = timing.suspicion;
  }

  /** A new socket deserves a new judgement. */
  joined(): void {
    this.#foundAt = this.#deadline = null;
    this.#kicked = false;
  }

  /** The socket brought this number. */
  received(seq: number): void {
    this.#received = Math.max(this.#received, seq);
    this.joined();
    this.suspicious = false;
    this.#patience = this.timing.suspicion;
  }

  /** The log has this number, recorded while the socket was joined. */
  found(seq: number, now: number): void {
    if (seq <= this.#received) return;
    this.suspicious = true;
    this.#foundAt ??= now;
    this.#deadline ??= now + this.#patience;
  }

  /** Whether the socket is later than the log by more than the usual. */
  late(now: number): boolean {
    return this.#foundAt !== null && now >= this.#foundAt + this.timing.suspicion;
  }

  /**
   * What to do now, each remedy once: a fresh token wakes a subscription that died with its database;
   * if it did not in time, a new socket is needed.
   */
  verdict(now: number): Verdict {
    if (this.#deadline === null || now < this.#deadline) return "well";
    this.#patience = Math.min(this.#patience * 2, this.timing.patienceMaximum);
    this.#deadline = this.#kicked ? null : now + this.#patience;
    if (this.#kicked) return "rebuild";
    this.#kicked = true;
    return "kick";
  }
}
