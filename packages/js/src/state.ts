// The state of the connection, as a value that can be watched.

/**
 * How far the connection has come: token, socket, join, catch-up, live. "delayed": joined, but the
 * log has updates that the socket does not bring; they come from the log. "revoked": stopped,
 * because the CMS, which accepted the key before, does not accept it any more.
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

/** Whether the client has ended, so that no further update will arrive. */
export function hasEnded({ phase }: { phase: Phase }): boolean {
  return phase === "stopped" || phase === "revoked";
}

/** Where the last catch-up was read. */
export type LogSource = "none" | "cms" | "postgrest";

/** The state of a connection at one moment. */
export interface ConnectionState {
  /** Whether the socket is joined and caught up, and brings what the log has. */
  readonly connected: boolean;
  readonly siteId: string;
  /** ISO 8601 time of the newest update. */
  readonly lastUpdate?: string | undefined;
  readonly reconnectAttempts: number;
  /**
   * What is wrong right now, with the remedy. While `connected` is false, updates still come by
   * polling as long as `log` is not "none".
   */
  readonly error?: string | undefined;
  readonly phase: Phase;
  readonly log: LogSource;
}

export type StateCallback = (state: ConnectionState) => void;

/** The current state, which notifies its watchers of every change. */
export class StateHolder {
  current: ConnectionState;
  readonly #watchers = new Set<StateCallback>();

  constructor(siteId: string) {
    this.current = { connected: false, siteId, reconnectAttempts: 0, phase: "idle", log: "none" };
  }

  /** Calls back on every change; returns a function that ends this. Exceptions are logged. */
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
