// What differs between a browser and a server: here, an edge runtime, a server with a browser's means;
// or a browser whose bundler does not say so.
import type { Road, ServerConfig } from "../config.js";
import { serverRoad as withKey } from "../server-road.js";
import { serverRoad as withoutKey } from "./web.js";

export { onServer, readText, replaceText, webSocket } from "./web.js";

export function serverRoad(config: ServerConfig): Road {
  return typeof document === "undefined" ? withKey(config) : withoutKey(config);
}
