// What differs between a browser and a server, for a browser.
import type { WebSocketLikeConstructor } from "@supabase/realtime-js";

import type { Access, ServerConfig } from "../config.js";
import { ConfigurationError } from "../errors.js";

export const onServer: boolean = false;

export function serverAccess(_config: ServerConfig): Access {
  throw new ConfigurationError(
    "An API key must never reach a browser: pass getToken, e.g. " +
      'connect({ siteId, ...fromEndpoint("/api/spool-live") }).',
  );
}

/** The WebSocket to use; with undefined, realtime-js takes the global one. */
export function webSocket(
  _onError: (message: string) => void,
): WebSocketLikeConstructor | undefined {
  return undefined;
}

export function readText(_path: string): Promise<string | null> {
  throw new ConfigurationError("A cursor file needs Node: pass an object with load and save.");
}

export function replaceText(path: string, _text: string): Promise<void> {
  return readText(path) as Promise<never>;
}
