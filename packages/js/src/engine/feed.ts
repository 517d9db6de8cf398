// The parts of one site's connection:
//
//   Feed ── Supervisor ── RealtimeConnection (one socket after the other)
//    │          └── TokenSource ── ContentApi (the CMS)
//    ├── CatchUp ── UpdateLog (the CMS, or Supabase's table)
//    └── Stream ── Sequencer, and the Consumers of all clients
import { ContentApi } from "../api.js";
import type { Settings } from "../config.js";
import {
  DisconnectedError,
  GivenUpError,
  InvalidCredentialsError,
  LiveUpdatesError,
  TransientError,
} from "../errors.js";
import { onWake } from "../platform/wake.js";
import { type ConnectionState, hasEnded, StateHolder } from "../state.js";
import { now } from "../timing.js";
import { expired, type Token } from "../token.js";
import { CatchUp } from "./catch-up.js";
import type { Consumer } from "./consumer.js";
import { UpdateLog } from "./log.js";
import type { Page } from "./sequencer.js";
import { Stream } from "./stream.js";
import { Supervisor } from "./supervisor.js";
import { TokenSource } from "./token-source.js";
import { Bell, firstOf } from "./waiting.js";
import { Watchdog } from "./watchdog.js";

/** Where consumers get a site's updates from: this tab's own connection, or another tab's. */
export interface Source {
  readonly state: StateHolder;
  /** The sequence number the stream has reached; undefined before the first token. */
  readonly position: number | undefined;
  /** The position at which the stream began. */
  readonly origin: number | undefined;
  /** The error that stopped the source, if any. */
  readonly error: LiveUpdatesError | undefined;
  read(after: number, limit: number, signal: AbortSignal): Promise<Page>;
  attach(consumer: Consumer): void;
  detach(consumer: Consumer): void;
  start(): void;
  stop(): Promise<void>;
}

export class Feed implements Source {
  readonly state: StateHolder;
  readonly stream: Stream;
  error: LiveUpdatesError | undefined;
  readonly #log: UpdateLog;
  readonly #tokens: TokenSource;
  readonly #catchUp: CatchUp;
  readonly #supervisor: Supervisor;
  readonly #scope = new AbortController();
  #running: Promise<void> | undefined;
  #requestedEpoch: number | undefined;
  #requestedAt = 0;

  constructor(
    private readonly settings: Settings,
    state = new StateHolder(settings.siteId ?? ""),
  ) {
    const { timing } = settings;
    this.state = state;
    this.stream = new Stream(state);
    const api = new ContentApi(
      settings.getToken,
      settings.getUpdates,
      settings.siteId,
      timing.request,
      settings.byKey ? undefined : () => this.#tokens.request(),
    );
    const tokens = new TokenSource(api, timing);
    const watchdog = new Watchdog(timing);
    this.#tokens = tokens;
    this.#log = new UpdateLog(api, () => tokens.current, timing);
    const usual = () =>
      tokens.current?.channel.mode === "postgres_changes"
        ? timing.catchUpIntervalChanges
        : timing.catchUpInterval;
    this.#catchUp = new CatchUp(this.#log, this.stream, watchdog, state, timing, usual, (epoch) =>
      this.#onEpoch(epoch),
    );
    this.#supervisor = new Supervisor({
      tokens,
      stream: this.stream,
      catchUp: this.#catchUp,
      watchdog,
      state,
      timing,
      attemptLimit: settings.attemptLimit,
      head: (token, signal) => this.#head(token, signal),
    });
  }

  get position(): number | undefined {
    return this.stream.position;
  }

  get origin(): number | undefined {
    return this.stream.origin;
  }

  /** Reads one page of the log; fetches a first token if that is needed. */
  async read(after: number, limit: number, signal: AbortSignal): Promise<Page> {
    const { current } = this.#tokens;
    if (!this.#running && (!current || expired(current))) await this.#tokens.fetch(signal);
    return this.#log.read(after, limit, signal);
  }

  attach(consumer: Consumer): void {
    this.stream.attach(consumer);
  }

  detach(consumer: Consumer): void {
    this.stream.detach(consumer);
  }

  /** Begins to connect; with `from`, after this number, which another tab has reached. */
  start(from?: number): void {
    if (from !== undefined) this.stream.start(from);
    this.#running ??= this.#run();
  }

  /** Resolves when the feed has stopped, for whatever reason. */
  async ended(): Promise<void> {
    await this.#running;
  }

  async stop(): Promise<void> {
    this.#scope.abort(new DisconnectedError("The client is disconnected."));
    await this.#running;
  }

  async #run(): Promise<void> {
    const forget = onWake(
      () => this.#supervisor.nudge(),
      () => this.#supervisor.offline(),
    );
    try {
      await firstOf(
        this.#scope.signal,
        (scope) => this.#supervisor.run(scope),
        (scope) => this.#catchUp.run(scope),
      );
    } catch (error) {
      if (!this.#scope.signal.aborted) this.error = asLiveUpdatesError(error);
    } finally {
      forget();
      this.stream.end(this.error);
      const revoked = this.error instanceof InvalidCredentialsError && this.position !== undefined;
      this.state.update({ phase: revoked ? "revoked" : "stopped", error: this.error?.message });
    }
  }

  /** The newest number: a token that a server keeps for many clients may have an older one. */
  async #head(token: Token, signal: AbortSignal): Promise<number> {
    if (this.settings.byKey || !this.settings.getUpdates) return token.seq;
    try {
      return (await this.#log.read(token.seq, 1, signal)).seq;
    } catch (error) {
      if (!(error instanceof TransientError)) throw error;
      return token.seq;
    }
  }

  /**
   * Requests a new token if the log names another epoch than the token. Supabase may not have the
   * new epoch yet, so the new token may still have the old one: then it is requested again later.
   */
  #onEpoch(epoch: number): void {
    const { timing } = this.settings;
    const token = this.#tokens.current;
    if (!token || epoch === token.epoch) return;
    if (epoch === this.#requestedEpoch && now() - this.#requestedAt <= timing.catchUpInterval)
      return;
    this.#requestedEpoch = epoch;
    this.#requestedAt = now();
    this.#tokens.requestAfterEpoch(token.epoch, timing.epochJitter);
  }
}

/** Resolves when the state is `wanted`. Throws the error of the source if that ends first. */
export async function reached(
  source: Source,
  wanted: (state: ConnectionState) => boolean,
  signal: AbortSignal,
): Promise<void> {
  const changed = new Bell();
  const forget = source.state.watch(() => changed.ring());
  try {
    while (!wanted(source.state.current)) {
      if (hasEnded(source.state.current))
        throw source.error ?? new DisconnectedError("The client is disconnected.");
      await changed.wait(signal);
    }
  } finally {
    forget();
  }
}

function asLiveUpdatesError(error: unknown): LiveUpdatesError {
  if (error instanceof LiveUpdatesError) return error;
  console.error("[spool-live] The live updates client stopped:", error);
  return new GivenUpError(
    `The client stopped: ${String(error)}. This is a bug in the client: please report it.`,
    {
      cause: error,
    },
  );
}
