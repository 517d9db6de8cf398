// Waiting that can be aborted: sleep, wait for a bell, run several tasks until the first ends.

/** Resolves after `milliseconds`; rejects with the signal's reason when it is aborted. */
export function sleep(milliseconds: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) return reject(signal.reason);
    const end = () => {
      clearTimeout(timer);
      reject(signal.reason);
    };
    const timer = setTimeout(() => {
      signal.removeEventListener("abort", end);
      resolve();
    }, milliseconds);
    signal.addEventListener("abort", end, { once: true });
  });
}

/** A promise that is settled from outside (`Promise.withResolvers`, which Node 20 lacks). */
export function deferred(): {
  promise: Promise<void>;
  resolve(): void;
  reject(error: unknown): void;
} {
  let resolve!: () => void;
  let reject!: (error: unknown) => void;
  const promise = new Promise<void>((yes, no) => {
    resolve = yes;
    reject = no;
  });
  return { promise, resolve, reject };
}

/** Rejects with the signal's reason when it is aborted; otherwise never settles. */
export function aborted(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    if (signal.aborted) reject(signal.reason);
    else signal.addEventListener("abort", () => reject(signal.reason), { once: true });
  });
}

/** Wakes all who wait for it. It does not remember earlier rings: check the condition first. */
export class Bell {
  readonly #waiting = new Set<() => void>();

  ring(): void {
    const woken = [...this.#waiting];
    this.#waiting.clear();
    for (const wake of woken) wake();
  }

  /** Resolves with true when it rings, with false after `milliseconds` (by default never). */
  wait(signal: AbortSignal, milliseconds?: number): Promise<boolean> {
    return new Promise((resolve, reject) => {
      if (signal.aborted) return reject(signal.reason);
      const finish = (settle: () => void) => {
        clearTimeout(timer);
        this.#waiting.delete(rung);
        signal.removeEventListener("abort", end);
        settle();
      };
      const rung = () => finish(() => resolve(true));
      const end = () => finish(() => reject(signal.reason));
      const timer =
        milliseconds === undefined
          ? undefined
          : setTimeout(() => finish(() => resolve(false)), milliseconds);
      this.#waiting.add(rung);
      signal.addEventListener("abort", end, { once: true });
    });
  }
}

/**
 * Runs all until the first ends, then aborts the others, waits for them, and settles as the first.
 */
export async function firstOf(
  signal: AbortSignal,
  ...tasks: ((signal: AbortSignal) => Promise<void>)[]
): Promise<void> {
  const scope = new AbortController();
  const end = () => scope.abort(signal.reason);
  if (signal.aborted) end();
  signal.addEventListener("abort", end, { once: true });
  const running = tasks.map((task) => task(scope.signal));
  try {
    await Promise.race(running);
  } finally {
    signal.removeEventListener("abort", end);
    scope.abort(new DOMException("Another task ended first.", "AbortError"));
    await Promise.allSettled(running);
  }
}
