// What differs between a browser and a server, for Node.
import { mkdir, open, readFile, rename } from "node:fs/promises";
import { dirname } from "node:path";
import type { WebSocketLikeConstructor } from "@supabase/realtime-js";
import { WebSocket } from "ws";

export { serverAccess } from "../server-access.js";

export const onServer: boolean = true;

const CLOSE = 2_000;

/**
 * The WebSocket of `ws`. Node 20 does not have its own; this one also reports why a handshake was
 * refused, and does not keep the process alive for half a minute if a peer never answers a close.
 */
export function webSocket(onError: (message: string) => void): WebSocketLikeConstructor {
  class NodeWebSocket extends WebSocket {
    constructor(address: string | URL, protocols?: string | string[]) {
      const options = { closeTimeout: CLOSE, perMessageDeflate: false }; // @types/ws lacks the first
      super(address, protocols, options);
      this.on("error", (error) => onError(error.message));
    }
  }
  return NodeWebSocket as unknown as WebSocketLikeConstructor;
}

/** The content of a text file, or null if it does not exist. */
export async function readText(path: string): Promise<string | null> {
  try {
    return await readFile(path, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return null;
    throw error;
  }
}

/** Writes a temporary file beside `path`, flushes it to the disk, then renames it to `path`. */
export async function replaceText(path: string, text: string): Promise<void> {
  const beside = `${path}.new`;
  await mkdir(dirname(path), { recursive: true });
  const file = await open(beside, "w", 0o600);
  try {
    await file.writeFile(text);
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(beside, path);
}
