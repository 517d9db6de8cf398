// Staying live: one session after the other, each with a token, a channel and a catch-up.
import { LiveChannel, Reauthenticate } from "./channel";
import { type Reader, UpdateLog } from "./log";
import { Refused, type SiteServer } from "./server";
import type { LiveToken } from "./types";

export type State = "connecting" | "live" | "reconnecting" | "offline";

const CATCH_UP_EVERY = 25_000;

export class LiveConnection {
  readonly #log: UpdateLog;
  #staleEpoch: number | null = null;
  #failures = 0;

  constructor(
    private readonly server: SiteServer,
    reader: Reader,
    private readonly show: (state: State, detail: string) => void,
  ) {
    this.#log = new UpdateLog(server, reader);
  }

  /** Runs for as long as the page does. */
  async run(): Promise<never> {
    this.show("connecting", "asking the site for a token");
    for (;;) {
      const end = await this.#session();
      if (!navigator.onLine) await this.#networkIsBack();
      const wait = this.#pause(end);
      this.show("reconnecting", `${end.message}; again in ${(wait / 1000).toFixed(1)} s`);
      await sleep(wait);
    }
  }

  /** From a fresh token to whatever ends it, which is returned. */
  async #session(): Promise<Error> {
    const end = Promise.withResolvers<Error>();
    const scope = new AbortController();
    let channel: LiveChannel | undefined;
    try {
      const token = await this.server.token(this.#staleEpoch);
      const catchUp = () => this.#catchUp(token).catch(end.resolve);
      channel = new LiveChannel(token, {
        update: (update) => {
          const somethingIsMissing = this.#log.receive(update, "live");
          if (somethingIsMissing) void catchUp();
        },
        ready: () => void this.#goLive(token).catch(end.resolve),
        end: end.resolve,
      });
      addEventListener("offline", () => end.resolve(new Error("the network is gone")), scope);
      await channel.join();
      void repeat(catchUp, CATCH_UP_EVERY, scope.signal);
      this.#renew(channel, token, scope.signal).catch(end.resolve);
      return await end.promise;
    } catch (error) {
      return error as Error;
    } finally {
      scope.abort();
      channel?.close();
    }
  }

  /** Only what is in the log before this moment can have been missed; from here on it is live. */
  async #goLive(token: LiveToken): Promise<void> {
    await this.#catchUp(token);
    this.#failures = 0;
    this.show("live", token.realtime.mode.replace("_", " "));
  }

  async #catchUp(token: LiveToken): Promise<void> {
    await this.#log.catchUp();
    if (this.#log.epoch > token.epoch) throw new Reauthenticate(token.epoch);
  }

  /** The next token before this one ends; the channel takes it over without a break. */
  async #renew(channel: LiveChannel, token: LiveToken, signal: AbortSignal): Promise<void> {
    for (let current = token; ; ) {
      await sleep(current.refresh_in * 1000);
      if (signal.aborted) return;
      const next = await this.server.token(null);
      if (next.epoch !== current.epoch) throw new Reauthenticate(current.epoch);
      await channel.renew(next);
      current = next;
    }
  }

  async #networkIsBack(): Promise<void> {
    this.show("offline", "waiting for the network");
    await new Promise((resolve) => addEventListener("online", resolve, { once: true }));
  }

  /**
   * Milliseconds until the next session. After a change of keys all pages come back, so they spread
   * over two seconds; otherwise full jitter under a ceiling that doubles from 0.5 to 20 s.
   */
  #pause(end: Error): number {
    if (end instanceof Reauthenticate) {
      this.#staleEpoch = end.epoch;
      return Math.random() * 2_000;
    }
    const ceiling = Math.min(20_000, 500 * 2 ** this.#failures++);
    const asked = end instanceof Refused ? end.retryAfter * 1000 : 0;
    return asked + 200 + Math.random() * ceiling;
  }
}

async function repeat(act: () => Promise<void>, every: number, signal: AbortSignal): Promise<void> {
  for (;;) {
    await sleep(every);
    if (signal.aborted) return;
    await act();
  }
}

function sleep(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}
