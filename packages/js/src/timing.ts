// The client's timing: durations and pure functions, without a clock and without sockets.

/**
 * Every duration of the client, in milliseconds. The defaults suit production; tests shrink them.
 */
export interface Timing {
  backoffInitial: number;
  backoffMaximum: number;
  /** How long the connection must be live before failed attempts are counted from zero again. */
  stableAfter: number;
  /** Timeout of an HTTP request. */
  request: number;
  /** Timeout of a join. Realtime waits 5 s before it refuses one. */
  join: number;
  /** How long to wait for "Replication connection established", which older servers never send. */
  readyBroadcast: number;
  /** How long to wait for "Subscribed to PostgreSQL"; an idle project needs a few seconds. */
  readyPostgresChanges: number;
  /** The part of a token's life after which it is replaced; between 0 and 1. */
  refreshAt: number;
  /**
   * A token refused as expired within this time of its receipt: the clock of one server is wrong.
   */
  bornExpired: number;
  /** The longest pause between joins while Realtime refuses them. */
  refusedMaximum: number;
  epochJitter: number;
  catchUpInterval: number;
  /** The same for postgres_changes, where a subscription can stop without notice. */
  catchUpIntervalChanges: number;
  /** Wait before asking again about a gap that the log does not show yet. */
  catchUpConfirm: number;
  pollInitial: number;
  pollMaximum: number;
  /** How far the socket may lag behind the log before the phase is "delayed". */
  suspicion: number;
  patienceMaximum: number;
  tick: number;
  /** A tick that is this late means that the computer was asleep or the page was frozen. */
  wake: number;
  /** How long Realtime may take to answer a heartbeat that was sent to test the socket. */
  probe: number;
  heartbeat: number;
  /** The longest wait for a server's `Retry-After`; a longer one is shortened to it. */
  retryAfterMaximum: number;
}

export const TIMING: Readonly<Timing> = {
  backoffInitial: 1_000,
  backoffMaximum: 30_000,
  stableAfter: 5_000,
  request: 10_000,
  join: 15_000,
  readyBroadcast: 5_000,
  readyPostgresChanges: 30_000,
  refreshAt: 0.75,
  bornExpired: 5_000,
  refusedMaximum: 60_000,
  epochJitter: 2_000,
  catchUpInterval: 60_000,
  catchUpIntervalChanges: 15_000,
  catchUpConfirm: 250,
  pollInitial: 2_000,
  pollMaximum: 30_000,
  suspicion: 5_000,
  patienceMaximum: 300_000,
  tick: 1_000,
  wake: 10_000,
  probe: 5_000,
  heartbeat: 25_000,
  retryAfterMaximum: 300_000,
};

/** Milliseconds of the monotonic clock. */
export const now = (): number => performance.now();

/**
 * Milliseconds to wait before attempt number `attempt` (from 1): exponential, capped, with full
 * jitter, which spreads many clients best (AWS Architecture Blog, "Exponential Backoff And
 * Jitter").
 */
export function backoff(attempt: number, timing: Timing): number {
  const ceiling = timing.backoffInitial * 2 ** Math.min(attempt - 1, 32);
  return Math.random() * Math.min(ceiling, timing.backoffMaximum);
}

/** Milliseconds of back-off, or `retryAfter` (plus up to a tenth) if that is longer. */
export function retryDelay(
  attempt: number,
  retryAfter: number | undefined,
  timing: Timing,
): number {
  const asked = Math.min(retryAfter ?? 0, timing.retryAfterMaximum);
  return Math.max(backoff(attempt, timing), asked * (1 + Math.random() / 10));
}

/**
 * Milliseconds to wait before the next join after `refusals` (from 1) refused ones. A policy may
 * reach Supabase a moment after the key, but a wrong secret has to be corrected by a person. Only
 * the upper half is random, because each refused join keeps a process of Realtime busy for five
 * seconds.
 */
export function refusedDelay(refusals: number, timing: Timing): number {
  const ceiling = timing.backoffInitial * 2 ** Math.min(refusals - 1, 32);
  return (Math.min(ceiling, timing.refusedMaximum) * (1 + Math.random())) / 2;
}

/** Milliseconds between catch-ups without a socket; the interval grows while nothing happens. */
export function pollInterval(idlePolls: number, timing: Timing): number {
  const interval = Math.min(
    timing.pollInitial * 1.5 ** Math.min(idlePolls, 32),
    timing.pollMaximum,
  );
  return interval * (0.5 + Math.random());
}

/** The interval, varied at random by a fifth, so that clients do not act in step. */
export function jittered(interval: number): number {
  return interval * (0.8 + 0.4 * Math.random());
}
