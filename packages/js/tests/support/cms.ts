// A small real CMS on a real socket: token/ and updates/, over a log in memory.
import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

import type { UpdateRow } from "../../src/schema.js";

export const SITE = "0a0a0a0a-0000-4000-8000-000000000001";
export const KEY = "sk_test.secret";

export interface Answer {
  status: number;
  body: string;
  headers?: Record<string, string>;
}

/** Scripted by its fields; counts what was asked of it. */
export class Cms {
  supabaseUrl = "http://127.0.0.1:1";
  siteId = SITE;
  mode: "broadcast" | "postgres_changes" = "broadcast";
  keys = new Set([KEY]);
  epoch = 1;
  lifetime = 600;
  seq = 0;
  oldest = 0;
  page = 500;
  log: UpdateRow[] = [];
  /** Answers instead of ours, by path, until it is taken away. */
  instead: Partial<Record<"token" | "updates", Answer | "hang">> = {};
  tokenRequests = 0;
  updateRequests: number[] = [];
  readonly #server = createServer((request, response) => this.#serve(request, response));

  async start(): Promise<this> {
    this.#server.listen(0, "127.0.0.1");
    await once(this.#server, "listening");
    return this;
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/spool-live/`;
  }

  get topic(): string {
    return `site:${this.siteId}:${this.epoch}`;
  }

  /** An update gets the next number and, where it is visible, enters the log. */
  record({
    visible = true,
    ...fields
  }: Partial<UpdateRow> & { visible?: boolean } = {}): UpdateRow {
    this.seq += 1;
    const update: UpdateRow = {
      id: crypto.randomUUID(),
      site_id: this.siteId,
      event_type: "content.updated",
      collection: "articles",
      slug: `article-${this.seq}`,
      item_id: crypto.randomUUID(),
      timestamp: "2026-11-22T10:00:00+00:00",
      metadata: {},
      seq: this.seq,
      ...fields,
    };
    if (visible) this.log.push(update);
    return update;
  }

  tokenAnswer(): Record<string, unknown> {
    const topic = `live_updates:site_id=eq.${this.siteId}`;
    const filter = `site_id=eq.${this.siteId}`;
    const changes = { topic, schema: "public", table: "live_updates", event: "INSERT", filter };
    return {
      token: `jwt-${this.tokenRequests}`,
      token_type: "Bearer",
      expires_in: this.lifetime,
      expires_at: "2000-01-01T00:00:00Z",
      site_id: this.siteId,
      epoch: this.epoch,
      seq: this.seq,
      supabase_url: this.supabaseUrl,
      supabase_key: "sb_publishable_test",
      realtime: {
        mode: this.mode,
        broadcast: { topic: this.topic, private: true, event: "live_updates" },
        postgres_changes: changes,
      },
    };
  }

  #serve(request: IncomingMessage, response: ServerResponse): void {
    const url = new URL(request.url!, "http://cms");
    const path = url.pathname.includes("token") ? "token" : "updates";
    if (path === "token") this.tokenRequests += 1;
    else this.updateRequests.push(Number(url.searchParams.get("after")));
    const instead = this.instead[path];
    if (instead === "hang") return;
    if (instead) send(response, instead.status, instead.body, instead.headers);
    else if (!this.#knows(request.headers.authorization))
      sendJson(response, 401, { detail: "The API key is not valid.", code: "invalid_credentials" });
    else if (path === "token") sendJson(response, 200, this.tokenAnswer());
    else sendJson(response, 200, this.#page(url.searchParams));
  }

  #knows(authorization = ""): boolean {
    return authorization.startsWith("Bearer jwt-") || this.keys.has(authorization.split(" ")[1]!);
  }

  #page(query: URLSearchParams): Record<string, unknown> {
    const after = Number(query.get("after"));
    const limit = Math.min(Number(query.get("limit")), this.page);
    const head = { seq: this.seq, epoch: this.epoch };
    if (after < this.oldest || after > this.seq)
      return { status: "reset", results: [], next: null, ...head };
    const rows = this.log.filter(({ seq }) => seq! > after).sort((a, b) => a.seq! - b.seq!);
    const results = rows.slice(0, limit);
    const next = rows.length > limit ? results.at(-1)!.seq : null;
    return { status: "recovered", results, next, ...head };
  }
}

function sendJson(response: ServerResponse, status: number, body: unknown): void {
  send(response, status, JSON.stringify(body));
}

function send(
  response: ServerResponse,
  status: number,
  body: string,
  headers: Record<string, string> = { "Content-Type": "application/json" },
): void {
  response.writeHead(status, headers).end(body);
}
