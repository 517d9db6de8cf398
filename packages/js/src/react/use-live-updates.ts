"use client";
import { useEffect, useRef, useState } from "react";

import { fromEndpoint } from "../api.js";
import { LiveUpdatesClient } from "../client.js";
import { type ConnectionState, hasEnded } from "../state.js";
import type { LiveUpdate, Reset, UpdateFilter } from "../updates.js";

/** A component that leaves and comes back within this time (StrictMode, HMR) keeps the socket. */
const LINGER = 1_000;

export interface UseLiveUpdatesOptions extends UpdateFilter {
  /** Where `createSpoolLiveEndpoint` of your server answers, e.g. "/api/spool-live". */
  endpoint: string;
  /** With it, the tabs of this origin share one socket. */
  siteId?: string | undefined;
  /** Tabs share a socket only within the same scope. */
  scope?: string | undefined;
  /** Called with the updates since the last call, `debounce` milliseconds after the last one. */
  onUpdates?: ((updates: readonly LiveUpdate[]) => void) | undefined;
  /**
   * Called when updates were missed and cannot be recovered; by default `onUpdates` is called with
   * none.
   */
  onReset?: ((reset: Reset) => void) | undefined;
  /** Milliseconds, by default 200. In a steady flow `onUpdates` is called every ten times that. */
  debounce?: number | undefined;
  /** Whether to follow the site; by default true. */
  enabled?: boolean | undefined;
}

interface Held {
  client: LiveUpdatesClient;
  users: number;
  leaving: ReturnType<typeof setTimeout> | undefined;
}

/** Follows a site for as long as the component is mounted; returns the connection's state. */
export function useLiveUpdates(options: UseLiveUpdatesOptions): ConnectionState | undefined {
  const { endpoint, siteId, scope, enabled = true } = options;
  const latest = useRef(options);
  useEffect(() => {
    latest.current = options;
  });
  const [state, setState] = useState<ConnectionState>();
  useEffect(() => {
    if (!enabled) return;
    const { client, release } = hold(endpoint, siteId, scope);
    const batch = new Batch(() => latest.current);
    const ends = [
      client.onUpdate((update) => batch.add(update)),
      client.onReset((reset) => batch.reset(reset)),
      client.onState(setState),
      () => batch.clear(),
      release,
    ];
    setState(client.state);
    return () => {
      for (const end of ends) end();
    };
  }, [endpoint, siteId, scope, enabled]);
  return state;
}

/** In the page, not in this module, which a dev server loads again with every hot reload. */
function held(): Map<string, Held> {
  const holder = globalThis as Record<symbol, unknown>;
  return (holder[Symbol.for("spool-live.react")] ??= new Map()) as Map<string, Held>;
}

function hold(endpoint: string, siteId: string | undefined, scope: string | undefined) {
  const key = JSON.stringify([endpoint, siteId, scope]);
  const clients = held();
  let entry = clients.get(key);
  if (!entry || hasEnded(entry.client.state)) {
    const client = new LiveUpdatesClient({ ...fromEndpoint(endpoint), siteId, scope });
    client.connect().catch((error) => console.error("[spool-live]", error.message));
    entry = { client, users: 0, leaving: undefined };
    clients.set(key, entry);
  }
  const mine = entry;
  clearTimeout(mine.leaving);
  mine.users += 1;
  const release = () => {
    mine.users -= 1;
    if (mine.users) return;
    mine.leaving = setTimeout(() => {
      if (clients.get(key) === mine) clients.delete(key);
      void mine.client.disconnect();
    }, LINGER);
  };
  return { client: mine.client, release };
}

/** Collects updates that arrive in quick succession. */
class Batch {
  #updates: LiveUpdate[] = [];
  #timer: ReturnType<typeof setTimeout> | undefined;
  #since = 0;

  constructor(private readonly options: () => UseLiveUpdatesOptions) {}

  add(update: LiveUpdate): void {
    const { collections, eventTypes } = this.options();
    if (collections && !collections.includes(update.collection)) return;
    if (eventTypes && !eventTypes.includes(update.event_type)) return;
    this.#updates.push(update);
    this.#schedule();
  }

  reset(reset: Reset): void {
    const { onReset } = this.options();
    if (onReset) onReset(reset);
    else this.#schedule();
  }

  clear(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  #schedule(): void {
    const { debounce = 200 } = this.options();
    const now = performance.now();
    if (this.#timer === undefined) this.#since = now;
    clearTimeout(this.#timer);
    const longest = Math.max(0, this.#since + 10 * debounce - now);
    this.#timer = setTimeout(() => this.#flush(), Math.min(debounce, longest));
  }

  #flush(): void {
    this.#timer = undefined;
    const updates = this.#updates;
    this.#updates = [];
    this.options().onUpdates?.(updates);
  }
}
