// Detects a dead socket by comparing what it brings with what the log has; no I/O.
import type { Timing } from "../timing.js";

export type Verdict = "healthy" | "renew token" | "reconnect";

/**
 * Detector of a socket that does not bring updates which the log already has.
 *
 * After `suspicion` the socket counts as late. After the patience, which is as long at first, a
 * remedy is due. The log may be ahead for another reason (Supabase is unavailable, or refused an
 * entry), so every remedy without effect doubles the patience, up to `patienceMaximum`; any update
 * that the socket brings resets it.
 */
export class Watchdog {
  #patience: number;
  #received = -1;
  #foundAt: number | null = null;
  #deadline: number | null = null;
  #tokenRenewed = false;
  /** Whether to read the log more often, because the socket is suspected to be dead. */
  suspicious = false;

  constructor(private readonly timing: Timing) {
    this.#patience = timing.suspicion;
  }

  /** Forgets what is known about the previous socket: a new one has joined. */
  joined(): void {
    this.#foundAt = this.#deadline = null;
    this.#tokenRenewed = false;
  }

  /** Notes that the socket brought this update. */
  received(seq: number): void {
    this.#received = Math.max(this.#received, seq);
    this.joined();
    this.suspicious = false;
    this.#patience = this.timing.suspicion;
  }

  /** Notes that the log has this update, which was recorded while the socket was joined. */
  found(seq: number, now: number): void {
    if (seq <= this.#received) return;
    this.suspicious = true;
    this.#foundAt ??= now;
    this.#deadline ??= now + this.#patience;
  }

  /** Whether the socket lags behind the log by more than `suspicion`. */
  late(now: number): boolean {
    return this.#foundAt !== null && now >= this.#foundAt + this.timing.suspicion;
  }

  /**
   * What to do now, each remedy once: a fresh token revives a subscription after a database
   * restart; if it did not help in time, a new socket is needed.
   */
  verdict(now: number): Verdict {
    if (this.#deadline === null || now < this.#deadline) return "healthy";
    this.#patience = Math.min(this.#patience * 2, this.timing.patienceMaximum);
    this.#deadline = this.#tokenRenewed ? null : now + this.#patience;
    if (this.#tokenRenewed) return "reconnect";
    this.#tokenRenewed = true;
    return "renew token";
  }
}
