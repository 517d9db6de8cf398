// Keeps one socket alive: token -> connect -> join -> catch up -> live -> (error) back off.
import {
  GivenUpError,
  RealtimeUnavailableError,
  SubscriptionRefusedError,
  TokenExpiredError,
  TransientError,
} from "../errors.js";
import type { StateHolder } from "../state.js";
import { now, refusedDelay, retryDelay, type Timing } from "../timing.js";
import { sameChannel, type Token } from "../token.js";
import type { LiveUpdate } from "../updates.js";
import type { CatchUp } from "./catch-up.js";
import { RealtimeConnection } from "./connection.js";
import type { Stream } from "./stream.js";
import type { TokenSource } from "./token-source.js";
import { aborted, Bell, deferred, firstOf, sleep } from "./waiting.js";
import type { Watchdog } from "./watchdog.js";

const DELAYED =
  "The log has updates that the socket does not bring: Supabase, or the database behind it, delivers " +
  "late. Updates come from the log every few seconds until the socket brings some.";

/** Not an error: the fresh token names another topic, so leave this socket and join with it. */
class RejoinRequired extends Error {
  constructor(readonly token: Token) {
    super();
  }
}

export interface Parts {
  tokens: TokenSource;
  stream: Stream;
  catchUp: CatchUp;
  watchdog: Watchdog;
  state: StateHolder;
  timing: Timing;
  attemptLimit: number | undefined;
  /** The position at which a stream that begins with this token begins. */
  head(token: Token, signal: AbortSignal): Promise<number>;
}

export class Supervisor {
  #attempts = 0;
  #refusals = 0;
  #lose: ((error: TransientError) => void) | undefined;
  /** Rings when the network is back or the page is visible again. */
  readonly #nudged = new Bell();

  constructor(private readonly parts: Parts) {}

  /** Connects again and again, until it rejects with ConfigurationError or GivenUpError. */
  async run(signal: AbortSignal): Promise<void> {
    const { state, tokens } = this.parts;
    for (let token: Token | undefined; ; ) {
      try {
        state.update({ phase: "connecting" });
        await this.#session(token ?? (await tokens.forJoin(signal)), signal);
      } catch (error) {
        signal.throwIfAborted();
        token = error instanceof RejoinRequired ? error.token : undefined;
        if (!token) await this.#backOff(this.#recordFailure(error), signal);
      }
    }
  }

  /**
   * Reconnects at once or tests the socket, as the network may be back or the computer was asleep.
   */
  nudge(): void {
    this.#nudged.ring();
    this.parts.catchUp.request();
  }

  /** Drops the socket, because the network is gone: the socket would notice it only later. */
  offline(): void {
    this.#lose?.(new RealtimeUnavailableError("The network is gone."));
  }

  async #session(token: Token, signal: AbortSignal): Promise<void> {
    const { catchUp, state, stream, timing, tokens, watchdog } = this.parts;
    if (stream.position === undefined) stream.start(await this.parts.head(token, signal));
    const ready = new Bell();
    const isReady = { yet: false };
    const lost = deferred();
    const connection = new RealtimeConnection(
      token,
      {
        ready: () => {
          isReady.yet = true;
          ready.ring();
          catchUp.request();
        },
        received: (updates) => this.#receive(updates),
        doorbell: () => catchUp.request(),
        reauthenticate: () => tokens.requestAfterEpoch(token.epoch, timing.epochJitter),
        lost: (error) => lost.reject(error),
      },
      timing,
    );
    this.#lose = lost.reject;
    lost.promise.catch(() => {});
    try {
      await firstOf(signal, (scope) => connection.join(scope), aborted);
      state.update({ phase: "joined" });
      this.#refusals = 0;
      watchdog.joined();
      await firstOf(
        signal,
        (scope) => Promise.race([lost.promise, aborted(scope)]),
        (scope) => this.#goLive(connection, isReady, ready, scope),
        (scope) => this.#refreshToken(connection, scope),
        (scope) => this.#watch(connection, scope),
      );
    } finally {
      this.#lose = undefined;
      connection.close();
    }
  }

  #receive(updates: LiveUpdate[]): void {
    const { catchUp, state, stream, watchdog } = this.parts;
    for (const { seq } of updates) if (seq !== null) watchdog.received(seq);
    if (state.current.phase === "delayed" && !watchdog.suspicious) {
      state.update({ phase: "live", error: undefined });
      catchUp.reschedule();
    }
    stream.receive(updates);
    if (stream.gapBefore !== null) catchUp.request();
  }

  /** Sets the phase to live when the server is ready and everything earlier is caught up. */
  async #goLive(
    connection: RealtimeConnection,
    isReady: { yet: boolean },
    ready: Bell,
    signal: AbortSignal,
  ): Promise<void> {
    const { catchUp, state, timing } = this.parts;
    const broadcast = connection.token.channel.mode === "broadcast";
    const patience = broadcast ? timing.readyBroadcast : timing.readyPostgresChanges;
    if (!isReady.yet && !(await ready.wait(signal, patience)) && !broadcast)
      throw new RealtimeUnavailableError(
        "Realtime joined the channel but never said that changes flow: is live_updates in the " +
          "publication supabase_realtime?",
      );
    await catchUp.complete(signal);
    state.update({ phase: "live", error: undefined });
    catchUp.reschedule();
    await sleep(timing.stableAfter, signal);
    this.#attempts = 0;
    state.update({ reconnectAttempts: 0 });
    await aborted(signal);
  }

  async #refreshToken(connection: RealtimeConnection, signal: AbortSignal): Promise<void> {
    const { state, tokens } = this.parts;
    for (;;) {
      await tokens.due(signal);
      try {
        const token = await tokens.fetch(signal);
        if (!sameChannel(token, connection.token)) throw new RejoinRequired(token);
        await connection.renew(token);
      } catch (error) {
        if (!(error instanceof TransientError)) throw error;
        state.update({ error: error.message });
      }
    }
  }

  /** Checks the socket every second, and sends a heartbeat after a sleep or a nudge. */
  async #watch(connection: RealtimeConnection, signal: AbortSignal): Promise<void> {
    const { catchUp, state, timing, tokens, watchdog } = this.parts;
    for (;;) {
      const wall = Date.now();
      const nudged = await this.#nudged.wait(signal, timing.tick);
      if (nudged || Date.now() - wall > timing.tick + timing.wake) {
        catchUp.request();
        await connection.probe(signal);
      }
      if (state.current.phase === "live" && watchdog.late(now())) {
        state.update({ phase: "delayed", error: DELAYED });
        catchUp.reschedule();
      }
      const verdict = watchdog.verdict(now());
      if (verdict === "renew token") tokens.request();
      if (verdict === "reconnect")
        throw new RealtimeUnavailableError("The log has updates which the socket does not bring.");
    }
  }

  /** Counts the failed attempt and returns its error. Throws if it is final. */
  #recordFailure(error: unknown): TransientError {
    const { attemptLimit, tokens } = this.parts;
    if (!(error instanceof TransientError)) throw error;
    let reported = error;
    if (error instanceof TokenExpiredError && !tokens.refusedAsExpired())
      reported = new TokenExpiredError(
        `${error.message} The clocks of the CMS and of Supabase differ: check NTP on both.`,
      );
    this.#refusals = error instanceof SubscriptionRefusedError ? this.#refusals + 1 : 0;
    this.#attempts += 1;
    if (attemptLimit !== undefined && this.#attempts > attemptLimit)
      throw new GivenUpError(
        `No connection after ${attemptLimit} attempts; live updates are off. Connect again (restart ` +
          `your development server). The last error: ${reported.message}`,
        { cause: reported },
      );
    return reported;
  }

  async #backOff(error: TransientError, signal: AbortSignal): Promise<void> {
    const { catchUp, state, timing } = this.parts;
    state.update({
      phase: "backing off",
      reconnectAttempts: this.#attempts,
      error: error.message,
    });
    catchUp.reschedule();
    const wait = this.#refusals
      ? refusedDelay(this.#refusals, timing)
      : retryDelay(this.#attempts, error.retryAfter, timing);
    // The wait that a server has requested is not shortened by a nudge.
    if (error.retryAfter === undefined) await this.#nudged.wait(signal, wait);
    else await sleep(wait, signal);
  }
}
