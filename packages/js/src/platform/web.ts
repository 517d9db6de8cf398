// What differs between a browser and a server: here, a browser (or an edge runtime).
import type { WebSocketLikeConstructor } from "@supabase/realtime-js";

import { ConfigurationError } from "../errors.js";

export const onServer: boolean = false;

/** The WebSocket to use; undefined leaves it to realtime-js, which takes the global one. */
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
