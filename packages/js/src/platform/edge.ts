// What differs between a browser and a server, for an edge runtime: a server with a browser's APIs,
// or a browser whose bundler does not set the condition "browser".
import type { Access, ServerConfig } from "../config.js";
import { serverAccess as withKey } from "../server-access.js";
import { serverAccess as withoutKey } from "./web.js";

export { onServer, readText, replaceText, webSocket } from "./web.js";

export function serverAccess(config: ServerConfig): Access {
  return typeof document === "undefined" ? withKey(config) : withoutKey(config);
}
