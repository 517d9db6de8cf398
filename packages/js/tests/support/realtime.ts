// A small real server that speaks Realtime's protocol (vsn 2.0.0), so that faults can be scripted.
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { WebSocketServer, type WebSocket } from "ws";

type Frame = [string | null, string | null, string, string, Record<string, unknown>];

interface Joined {
  socket: WebSocket;
  topic: string;
  joinRef: string;
  config: { postgres_changes: { table: string }[]; broadcast?: { replication_ready?: boolean } };
  token: string;
}

/** Scripted by its fields; counts what happened to it. */
export class RealtimeServer {
  flowing = true;
  saysReady = true;
  answersHeartbeats = true;
  answersJoins = true;
  refuseHandshake: number | undefined;
  refuseJoin: string | undefined;
  deadUntilNewToken = false;
  joined: Joined[] = [];
  joins = 0;
  tokens: string[] = [];
  readonly #http = createServer((_, response) => response.writeHead(404).end());
  readonly #sockets = new WebSocketServer({ noServer: true });

  constructor() {
    this.#http.on("upgrade", (request, socket, head) => {
      if (this.refuseHandshake)
        socket.end(`HTTP/1.1 ${this.refuseHandshake} No\r\nContent-Length: 0\r\n\r\n`);
      else this.#sockets.handleUpgrade(request, socket, head, (ws) => this.#serve(ws));
    });
  }

  async start(): Promise<this> {
    this.#http.listen(0, "127.0.0.1");
    await once(this.#http, "listening");
    return this;
  }

  async stop(): Promise<void> {
    this.kill();
    this.#http.closeAllConnections();
    await new Promise((resolve) => this.#http.close(resolve));
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#http.address() as AddressInfo).port}`;
  }

  get sockets(): number {
    return this.#sockets.clients.size;
  }

  /** What SIGKILL looks like from outside: no closing handshake. */
  kill(): void {
    for (const socket of this.#sockets.clients) socket.terminate();
  }

  close(code: number): void {
    for (const socket of this.#sockets.clients) socket.close(code);
  }

  /** What `realtime.send` causes. */
  broadcast(topic: string, event: string, payload: Record<string, unknown>): void {
    const message = { type: "broadcast", event, payload, meta: { id: "1" } };
    for (const channel of this.joined)
      if (channel.topic === `realtime:${topic}` && this.flowing)
        send(channel.socket, [null, null, channel.topic, "broadcast", message]);
  }

  /** What a row of the publication causes. */
  change(record: unknown): void {
    const data = { schema: "public", table: "live_updates", type: "INSERT", errors: null };
    const payload = { ids: [7], data: { ...data, commit_timestamp: "", columns: [], record } };
    for (const { socket, topic, config } of this.joined)
      if (config.postgres_changes.length && this.flowing)
        send(socket, [null, null, topic, "postgres_changes", payload]);
  }

  /** A system message to every channel, and its end where `close` is set. */
  system(message: string, status = "ok", close = false): void {
    for (const channel of this.joined.slice()) {
      const { socket, topic, joinRef } = channel;
      this.#system(channel, message, status);
      if (!close) continue;
      send(socket, [joinRef, joinRef, topic, "phx_close", {}]);
      this.joined.splice(this.joined.indexOf(channel), 1);
    }
  }

  #serve(socket: WebSocket): void {
    socket.on("message", (data) => this.#onFrame(socket, JSON.parse(String(data)) as Frame));
    socket.on("close", () => {
      this.joined = this.joined.filter((channel) => channel.socket !== socket);
    });
  }

  #onFrame(socket: WebSocket, [joinRef, ref, topic, event, payload]: Frame): void {
    if (event === "phx_join") this.#join(socket, joinRef!, topic, payload);
    else if (event === "access_token") this.#newToken(socket, topic, String(payload.access_token));
    else if (event === "phx_leave" || (event === "heartbeat" && this.answersHeartbeats))
      reply(socket, joinRef, ref, topic, "ok", {});
  }

  #join(socket: WebSocket, joinRef: string, topic: string, payload: Record<string, unknown>): void {
    this.joins += 1;
    const token = String(payload.access_token);
    this.tokens.push(token);
    const reason = this.refuseJoin ?? (token.startsWith("jwt-") ? undefined : "Unauthorized: no");
    if (reason) reply(socket, joinRef, joinRef, topic, "error", { reason });
    if (reason || !this.answersJoins) return;
    const config = payload.config as Joined["config"];
    const channel = { socket, topic, joinRef, config, token };
    this.joined.push(channel);
    const bindings = config.postgres_changes.map((binding) => ({ ...binding, id: 7 }));
    reply(socket, joinRef, joinRef, topic, "ok", { postgres_changes: bindings });
    this.#sayReady(channel);
  }

  #sayReady(channel: Joined): void {
    if (!this.saysReady) return;
    if (channel.config.postgres_changes.length)
      this.#system(channel, "Subscribed to PostgreSQL", "ok");
    else if (channel.config.broadcast?.replication_ready)
      this.#system(channel, "Replication connection established", "ok");
  }

  #newToken(socket: WebSocket, topic: string, token: string): void {
    for (const channel of this.joined)
      if (channel.socket === socket && channel.topic === topic && channel.token !== token) {
        channel.token = token;
        this.tokens.push(token);
        if (this.deadUntilNewToken) {
          this.deadUntilNewToken = false;
          this.flowing = true;
        }
        this.#sayReady(channel);
      }
  }

  #system({ socket, topic, joinRef }: Joined, message: string, status: string): void {
    const channel = topic.replace("realtime:", "");
    send(socket, [
      joinRef,
      null,
      topic,
      "system",
      { channel, extension: "system", status, message },
    ]);
  }
}

function reply(
  socket: WebSocket,
  joinRef: string | null,
  ref: string | null,
  topic: string,
  status: string,
  response: Record<string, unknown>,
): void {
  send(socket, [joinRef, ref, topic, "phx_reply", { status, response }]);
}

function send(socket: WebSocket, frame: Frame): void {
  socket.send(JSON.stringify(frame));
}
