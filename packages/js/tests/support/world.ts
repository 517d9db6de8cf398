// A CMS, a Realtime server, and clients of one site that are gone when the test ends.
import { onTestFinished as thisTestFinished, vi } from "vitest";

import { LiveUpdatesClient } from "../../src/client.js";
import type { ServerConfig } from "../../src/config.js";
import type { UpdateRow } from "../../src/schema.js";
import type { Timing } from "../../src/timing.js";
import type { ConnectionState } from "../../src/state.js";
import { Cms, KEY, SITE } from "./cms.js";
import { RealtimeServer } from "./realtime.js";

export const HASTY: Partial<Timing> = {
  backoffInitial: 20,
  backoffMaximum: 100,
  stableAfter: 200,
  request: 1_000,
  join: 1_000,
  readyBroadcast: 300,
  readyPostgresChanges: 600,
  refusedMaximum: 80,
  epochJitter: 20,
  catchUpInterval: 400,
  catchUpIntervalChanges: 400,
  catchUpConfirm: 10,
  pollInitial: 20,
  pollMaximum: 100,
  suspicion: 100,
  patienceMaximum: 1_000,
  tick: 20,
  probe: 200,
  bornExpired: 50,
  retryAfterMaximum: 300,
};

export interface Followed {
  client: LiveUpdatesClient;
  seqs: (number | null)[];
  resets: number[];
  states: ConnectionState[];
}

export interface World {
  cms: Cms;
  realtime: RealtimeServer;
  client(options?: Partial<ServerConfig>): Followed;
  connected(options?: Partial<ServerConfig>): Promise<Followed>;
  /** Records an update and broadcasts it (or a change of the table, in that mode). */
  publish(fields?: Partial<UpdateRow>): UpdateRow;
}

/** Pass the context's `onTestFinished` where tests run concurrently. */
export async function world(onTestFinished = thisTestFinished): Promise<World> {
  const cms = await new Cms().start();
  const realtime = await new RealtimeServer().start();
  cms.supabaseUrl = realtime.url;
  onTestFinished(async () => {
    await cms.stop();
    await realtime.stop();
  });
  const client = (options: Partial<ServerConfig> = {}): Followed => {
    const config = { siteId: SITE, apiKey: KEY, apiUrl: cms.url, timing: HASTY, shared: false };
    const made = new LiveUpdatesClient({ ...config, ...options });
    const followed: Followed = { client: made, seqs: [], resets: [], states: [] };
    made.onUpdate((update) => void followed.seqs.push(update.seq));
    made.onReset((reset) => void followed.resets.push(reset.seq));
    made.onState((state) => void followed.states.push(state));
    onTestFinished(() => made.disconnect());
    return followed;
  };
  return {
    cms,
    realtime,
    client,
    async connected(options) {
      const followed = client(options);
      await followed.client.connect();
      await followed.client.waitUntilLive({ timeout: 5_000 });
      return followed;
    },
    publish(fields) {
      const update = cms.record(fields);
      if (cms.mode === "broadcast")
        realtime.broadcast(cms.topic, "live_updates", { epoch: cms.epoch, changes: [update] });
      else realtime.change(update);
      return update;
    },
  };
}

/** Resolves when the condition holds. */
export async function until(condition: () => unknown, timeout = 5_000): Promise<void> {
  await vi.waitFor(
    () => {
      if (!condition()) throw new Error(`not yet: ${condition}`);
    },
    { timeout, interval: 5 },
  );
}
