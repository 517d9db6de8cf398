import { expect, test } from "vitest";

import { CatchUp } from "../src/engine/catch-up.js";
import type { UpdateLog } from "../src/engine/log.js";
import { Stream } from "../src/engine/stream.js";
import { Watchdog } from "../src/engine/watchdog.js";
import { ServerUnreachableError } from "../src/errors.js";
import { StateHolder } from "../src/state.js";
import { TIMING } from "../src/timing.js";
import type { LiveUpdate } from "../src/updates.js";
import { HASTY, until } from "./support/world.js";

test("a gap is not passed over on the word of Supabase, but on that of the CMS", async () => {
  const timing = { ...TIMING, ...HASTY };
  const state = new StateHolder("");
  const stream = new Stream(state);
  const log = {
    reads: 0,
    source: "postgrest",
    trouble: new ServerUnreachableError("The CMS does not answer.") as Error | undefined,
    get proves() {
      return this.trouble === undefined;
    },
    read(after: number) {
      this.reads += 1;
      return Promise.resolve({ updates: [], seq: after, next: null, reset: false, epoch: null });
    },
  };
  const watchdog = new Watchdog(timing);
  const catchUp = new CatchUp(
    log as unknown as UpdateLog,
    stream,
    watchdog,
    state,
    timing,
    () => 50,
    () => {},
  );
  const scope = new AbortController();
  const running = catchUp.run(scope.signal).catch(() => {});
  stream.start(0);
  stream.receive([{ id: "3", seq: 3 } as unknown as LiveUpdate]);
  for (let turn = 0; turn < 3; turn++) await catchUp.complete(scope.signal);
  expect(log.reads).toBeGreaterThan(3);
  expect([stream.position, stream.gapBefore]).toEqual([0, 3]);

  log.trouble = undefined;
  await until(() => stream.position === 3);
  scope.abort();
  await running;
});
