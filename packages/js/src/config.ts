// What a subscriber has to say: which site, which credentials, where the CMS is.
import { onServer, serverAccess } from "#platform";
import { checkedSite, checkedUrl } from "./addresses.js";
import { type GetToken, type GetUpdates, updatesByToken } from "./api.js";
import type { CursorStore } from "./cursor.js";
import { ConfigurationError } from "./errors.js";
import { TIMING, type Timing } from "./timing.js";
import type { UpdateFilter } from "./updates.js";

const DEVELOPMENT_ATTEMPTS = 5;

interface CommonOptions {
  /** Begin after this sequence number; left out, only with what is new. */
  start?: number | undefined;
  /** Which collections and event types to see. */
  filter?: UpdateFilter | undefined;
  /** A number, or "development" (5: a development server should not hammer a CMS that is down). */
  maxReconnectAttempts?: number | "development" | undefined;
  /** How many updates may wait for a slow handler. */
  queueSize?: number | undefined;
  /**
   * What happens to those beyond. "catch_up" leaves them in the log and reads them from there later,
   * so that nothing is lost; "drop_oldest" drops the oldest, and a reset says so.
   */
  overflow?: "catch_up" | "drop_oldest" | undefined;
  /** Keeps the position across restarts; what it has wins over `start`. */
  cursor?: CursorStore | undefined;
  /** Whether to use one connection together with the other clients of this site and process. */
  shared?: boolean | undefined;
  /** For tests: shorter times. */
  timing?: Partial<Timing> | undefined;
}

/** For a server: the API key, which never leaves it. */
export interface ServerConfig extends CommonOptions {
  /** By default SPOOL_SITE_ID. */
  siteId?: string | undefined;
  /** By default SPOOL_API_KEY. */
  apiKey?: string | undefined;
  /** Where `spool_live.urls` is mounted; by default SPOOL_API_URL. */
  apiUrl?: string | undefined;
}

/** For a browser: a function that asks your own server for a token. */
export interface BrowserConfig extends CommonOptions {
  getToken: GetToken;
  /** Catch-up from your own server; `fromEndpoint(url)` makes both functions. */
  getUpdates?: GetUpdates | undefined;
  /** Where `spool_live.urls` is mounted, to catch up there directly with the token. */
  apiUrl?: string | undefined;
  /** Named, it lets the tabs of this origin share one socket. */
  siteId?: string | undefined;
  /** Tabs share a socket only within the same scope: name what a token may see, e.g. "drafts". */
  scope?: string | undefined;
  /** False: every tab has a socket of its own. */
  tabs?: boolean | undefined;
}

export type LiveUpdatesConfig = ServerConfig | BrowserConfig;

/** How tokens and updates are requested, and which clients may share the answers. */
export interface Access {
  siteId: string | undefined;
  getToken: GetToken;
  getUpdates: GetUpdates | undefined;
  /** Whether the API key itself is asked with, so that its refusal is final. */
  byKey: boolean;
  /** Clients with the same one may share a connection; undefined for none. */
  identity: string | undefined;
  /** Whether tabs may. */
  tabs: boolean;
}

/** The options, checked and complete. */
export interface Settings extends Omit<Access, "identity" | "tabs"> {
  start: number | undefined;
  filter: UpdateFilter;
  attemptLimit: number | undefined;
  queueSize: number;
  overflow: "catch_up" | "drop_oldest";
  cursor: CursorStore | undefined;
  /** Clients with the same key share a connection; undefined for one of their own. */
  shareKey: string | undefined;
  /** Tabs with the same key share a socket; undefined for none. */
  tabsKey: string | undefined;
  timing: Timing;
}

/** Check the options and read the environment. Throws ConfigurationError. */
export function settingsOf(config: LiveUpdatesConfig): Settings {
  const { start, queueSize = 1_000, overflow = "catch_up", maxReconnectAttempts } = config;
  if (start !== undefined && !(Number.isSafeInteger(start) && start >= 0))
    throw new ConfigurationError("start must be a whole number from 0.");
  if (!(queueSize >= 1)) throw new ConfigurationError("queueSize must be at least 1.");
  if (overflow !== "catch_up" && overflow !== "drop_oldest")
    throw new ConfigurationError('overflow must be "catch_up" or "drop_oldest".');
  const timing = { ...TIMING, ...config.timing };
  const attemptLimit =
    maxReconnectAttempts === "development" ? DEVELOPMENT_ATTEMPTS : maxReconnectAttempts;
  const access = "getToken" in config ? browserAccess(config) : serverAccess(config);
  const share = config.shared === false ? undefined : access.identity;
  return {
    ...access,
    start,
    filter: config.filter ?? {},
    attemptLimit,
    queueSize,
    overflow,
    cursor: config.cursor,
    shareKey: share && JSON.stringify([share, attemptLimit, timing]),
    tabsKey: access.tabs ? share : undefined,
    timing,
  };
}

function browserAccess(config: BrowserConfig): Access {
  const siteId = config.siteId === undefined ? undefined : checkedSite(config.siteId);
  const apiUrl = config.apiUrl === undefined ? undefined : checkedUrl(config.apiUrl);
  const getUpdates =
    config.getUpdates ?? (apiUrl === undefined ? undefined : updatesByToken(apiUrl));
  const identity = siteId && ["browser", apiUrl ?? "", siteId, config.scope ?? ""].join("\n");
  return {
    siteId,
    getToken: config.getToken,
    getUpdates,
    byKey: false,
    identity,
    tabs: !onServer && config.tabs !== false,
  };
}
