// What the connection is doing, as a value that can be watched.

/**
 * Where on the way `token -> connect -> join -> catch up -> live` the connection is. "delayed":
 * joined, but the log has updates that the socket does not bring; they come from the log. "revoked":
 * stopped, as the CMS does not accept the key any more, which it did before.
 */
export type Phase =
  | "idle"
  | "connecting"
  | "joined"
  | "live"
  | "delayed"
  | "backing off"
  | "stopped"
  | "revoked";

/** Whether nothing will come any more. */
export function hasEnded({ phase }: { phase: Phase }): boolean {
  return phase === "stopped" || phase === "revoked";
}

/** Where the last catch-up came from. */
export type LogSource = "none" | "cms" | "postgrest";

/** A snapshot of the connection. */
export interface ConnectionState {
  /** The socket is joined, caught up, and brings what the log has. */
  readonly connected: boolean;
  readonly siteId: string;
  /** ISO time of the newest update. */
  readonly lastUpdate?: string | undefined;
  readonly reconnectAttempts: number;
  /**
   * What is wrong right now and what to do. While `connected` is false, updates still come by
   * polling as long as `log` is not "none".
   */
  readonly error?: string | undefined;
  readonly phase: Phase;
  readonly log: LogSource;
}

export type StateCallback = (state: ConnectionState) => void;

/** The current state; calls its watchers whenever it changes. */
export class StateHolder {
  current: ConnectionState;
  readonly #watchers = new Set<StateCallback>();

  constructor(siteId: string) {
    this.current = { connected: false, siteId, reconnectAttempts: 0, phase: "idle", log: "none" };
  }

  /** Calls back on every change; returns what ends that. What the callback throws is logged. */
  watch(callback: StateCallback): () => void {
    const own: StateCallback = (state) => callback(state);
    this.#watchers.add(own);
    return () => this.#watchers.delete(own);
  }

  /** Changes some fields. `connected` follows from `phase`. */
  update(changes: Partial<Omit<ConnectionState, "connected">>): void {
    const state = { ...this.current, ...changes };
    state.connected = state.phase === "live";
    const fields = Object.keys(state) as (keyof ConnectionState)[];
    if (fields.every((field) => state[field] === this.current[field])) return;
    this.current = state;
    for (const callback of [...this.#watchers]) {
      try {
        callback(state);
      } catch (error) {
        console.error("[spool-live] A watcher of the connection's state failed:", error);
      }
    }
  }
}
