// The client's configuration: which site, which credentials, where the CMS is.
import { onServer, serverAccess } from "#platform";
import { checkedSite, checkedUrl } from "./addresses.js";
import { type GetToken, type GetUpdates, updatesByToken } from "./api.js";
import type { CursorStore } from "./cursor.js";
import { ConfigurationError } from "./errors.js";
import { TIMING, type Timing } from "./timing.js";
import type { UpdateFilter } from "./updates.js";

const DEVELOPMENT_ATTEMPTS = 5;

interface CommonOptions {
  /** The sequence number to begin after; by default the client begins with the next new update. */
  start?: number | undefined;
  /** Which collections and event types to receive; by default all. */
  filter?: UpdateFilter | undefined;
  /**
   * A number, or "development" for 5, so that a development server gives up on a CMS that is down.
   */
  maxReconnectAttempts?: number | "development" | undefined;
  /** How many updates may wait for a slow handler. */
  queueSize?: number | undefined;
  /**
   * What to do when `queueSize` updates are waiting and more arrive. "catch_up" reads them from the
   * log later, so that nothing is lost; "drop_oldest" drops the oldest updates and reports a reset.
   */
  overflow?: "catch_up" | "drop_oldest" | undefined;
  /** Keeps the position across restarts. A stored position takes precedence over `start`. */
  cursor?: CursorStore | undefined;
  /** Whether to share a connection with the other clients of this site in this process. */
  shared?: boolean | undefined;
  /** For tests: shorter times. */
  timing?: Partial<Timing> | undefined;
}

/** The configuration for a server, which holds the API key and never passes it on. */
export interface ServerConfig extends CommonOptions {
  /** By default SPOOL_SITE_ID. */
  siteId?: string | undefined;
  /** By default SPOOL_API_KEY. */
  apiKey?: string | undefined;
  /** Where `spool_live.urls` is mounted; by default SPOOL_API_URL. */
  apiUrl?: string | undefined;
}

/** The configuration for a browser, which fetches tokens from your own server. */
export interface BrowserConfig extends CommonOptions {
  /** Fetches a token from your own server. */
  getToken: GetToken;
  /** Catches up from your own server; `fromEndpoint(url)` returns both functions. */
  getUpdates?: GetUpdates | undefined;
  /** Where `spool_live.urls` is mounted, to catch up there directly with the token. */
  apiUrl?: string | undefined;
  /** With it, the tabs of this origin share one socket. */
  siteId?: string | undefined;
  /**
   * Tabs share a socket only within the same scope. Name it after what a token may see: "drafts".
   */
  scope?: string | undefined;
  /** Whether tabs share a socket; by default they do. */
  tabs?: boolean | undefined;
}

export type LiveUpdatesConfig = ServerConfig | BrowserConfig;

/** How tokens and updates are requested, and which clients may share the answers. */
export interface Access {
  siteId: string | undefined;
  getToken: GetToken;
  getUpdates: GetUpdates | undefined;
  /** Whether requests carry the API key itself, so that its refusal is final. */
  byKey: boolean;
  /** Clients with the same identity may share a connection; undefined for none. */
  identity: string | undefined;
  /** Whether tabs may share a socket. */
  tabs: boolean;
}

/** The options, checked and completed with defaults. */
export interface Settings extends Omit<Access, "identity" | "tabs"> {
  start: number | undefined;
  filter: UpdateFilter;
  attemptLimit: number | undefined;
  queueSize: number;
  overflow: "catch_up" | "drop_oldest";
  cursor: CursorStore | undefined;
  /** Clients with the same key share a connection; with undefined, each has its own. */
  shareKey: string | undefined;
  /** Tabs with the same key share a socket; undefined for none. */
  tabsKey: string | undefined;
  timing: Timing;
}

/** Checks the options and reads missing ones from the environment. Throws ConfigurationError. */
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
