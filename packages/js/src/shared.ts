// One connection per site, credentials and process, shared by all clients with the same settings.
import type { Settings } from "./config.js";
import { Feed, type Source } from "./engine/feed.js";
import { hasEnded } from "./state.js";
import { TabFeed } from "./tabs/tab-feed.js";

interface Shared {
  source: Source;
  users: number;
}

/** In the process, not in this module, which a dev server loads again with every hot reload. */
const REGISTRY = Symbol.for("spool-live.connections");

function registry(): Map<string, Shared> {
  const holder = globalThis as { [REGISTRY]?: Map<string, Shared> };
  return (holder[REGISTRY] ??= new Map());
}

/** A running source, and the function that releases it; the release by its last user stops it. */
export interface Lease {
  source: Source;
  release(): Promise<void>;
}

/** Returns the running connection with these settings, or starts one. */
export function acquire(settings: Settings): Lease {
  const { shareKey } = settings;
  if (shareKey === undefined) {
    const source = start(settings);
    return { source, release: () => source.stop() };
  }
  const shares = registry();
  let shared = shares.get(shareKey);
  if (!shared || hasEnded(shared.source.state.current)) {
    shared = { source: start(settings), users: 0 };
    shares.set(shareKey, shared);
  }
  const mine = shared;
  mine.users += 1;
  return {
    source: mine.source,
    async release() {
      mine.users -= 1;
      if (mine.users) return;
      if (shares.get(shareKey) === mine) shares.delete(shareKey);
      await mine.source.stop();
    },
  };
}

function start(settings: Settings): Source {
  const source =
    settings.tabsKey && TabFeed.isPossible() ? new TabFeed(settings) : new Feed(settings);
  source.start();
  return source;
}
