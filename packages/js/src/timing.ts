// When to do what: numbers and pure functions, no clock and no sockets.

/** Every duration of the client, in milliseconds. The defaults suit production; tests shrink them. */
export interface Timing {
  backoffInitial: number;
  backoffMaximum: number;
  /** Live this long, and the attempts count from zero again. */
  stableAfter: number;
  /** Timeout of an HTTP request. */
  request: number;
  /** Realtime waits 5 s before it answers a bad join. */
  join: number;
  /** Older servers never say "Replication connection established". */
  readyBroadcast: number;
  /** A cold tenant needs a few seconds. */
  readyPostgresChanges: number;
  /** Part of the token's life after which it is replaced. */
  refreshAt: number;
  /** Expired sooner than this after its receipt: a clock is wrong. */
  bornExpired: number;
  /** The longest pause between joins that Realtime refuses although the CMS accepts the key. */
  refusedMaximum: number;
  epochJitter: number;
  catchUpInterval: number;
  /** The same for postgres_changes, which falls silent without a word. */
  catchUpIntervalChanges: number;
  /** Before asking again about a gap that the log does not show yet. */
  catchUpConfirm: number;
  pollInitial: number;
  pollMaximum: number;
  /** The socket may be this much later than the log. */
  suspicion: number;
  patienceMaximum: number;
  tick: number;
  /** A tick this late means that the computer slept or the page was frozen. */
  wake: number;
  /** How long Realtime may take to answer a heartbeat that was sent to test the socket. */
  probe: number;
  heartbeat: number;
  /** The longest wait that a server's `Retry-After` is believed for. */
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
 * jitter, which spreads a crowd of clients best (AWS Architecture Blog, "Exponential Backoff And
 * Jitter").
 */
export function backoff(attempt: number, timing: Timing): number {
  const ceiling = timing.backoffInitial * 2 ** Math.min(attempt - 1, 32);
  return Math.random() * Math.min(ceiling, timing.backoffMaximum);
}

/** The back-off, or what the server asked for if that is longer (plus up to a tenth). */
export function retryDelay(
  attempt: number,
  retryAfter: number | undefined,
  timing: Timing,
): number {
  const asked = Math.min(retryAfter ?? 0, timing.retryAfterMaximum);
  return Math.max(backoff(attempt, timing), asked * (1 + Math.random() / 10));
}

/**
 * Milliseconds before the next join after so many (from 1) that were refused: a policy may be a
 * moment later than a key, and a wrong secret is repaired by people. Only the upper half is random,
 * as each refused join keeps a process of Realtime busy for five seconds.
 */
export function refusedDelay(refusals: number, timing: Timing): number {
  const ceiling = timing.backoffInitial * 2 ** Math.min(refusals - 1, 32);
  return (Math.min(ceiling, timing.refusedMaximum) * (1 + Math.random())) / 2;
}

/** Milliseconds between catch-ups while there is no socket: polite when nothing happens. */
export function pollInterval(idlePolls: number, timing: Timing): number {
  const interval = Math.min(
    timing.pollInitial * 1.5 ** Math.min(idlePolls, 32),
    timing.pollMaximum,
  );
  return interval * (0.5 + Math.random());
}

/** The interval, give or take a fifth, so that clients do not march in step. */
export function jittered(interval: number): number {
  return interval * (0.8 + 0.4 * Math.random());
}
