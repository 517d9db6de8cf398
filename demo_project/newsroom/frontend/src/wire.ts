// The panel that shows what happens: connection state, every update, and how long it took.
import type { LiveUpdate } from "spool-live";

import type { Outcome, Transport } from "./types";

export type State = "connecting" | "live" | "reconnecting" | "offline";

const SHOWN = 60;
const LABELS: Record<State, string> = {
  connecting: "Connecting",
  live: "Live",
  reconnecting: "Reconnecting",
  offline: "Offline",
};

export class Wire {
  #latencies: number[] = [];
  #count = 0;

  constructor(private readonly root: HTMLElement) {
    const toggle = this.#part("toggle");
    toggle.addEventListener("click", () => {
      const closed = root.toggleAttribute("data-closed");
      toggle.setAttribute("aria-expanded", String(!closed));
    });
  }

  state(state: State, detail: string): void {
    document.documentElement.dataset.state = state;
    this.#part("state").textContent = LABELS[state];
    this.#part("detail").textContent = detail;
  }

  /** Adds a row for `update` on top, at once, so that rows are in the order of the updates. */
  add(update: LiveUpdate): HTMLElement {
    const row = this.#row();
    const name = update.event_type.replace("content.", "");
    row.dataset.event = name;
    put(row, {
      time: new Date(update.timestamp).toLocaleTimeString("en-GB"),
      event: name,
      item: `${update.collection} / ${update.slug ?? update.item_id.slice(0, 8)}`,
    });
    this.#part("rows").prepend(row);
    this.#part("rows").children[SHOWN]?.remove();
    this.root.toggleAttribute("data-empty", false);
    this.#part("count").textContent = String(++this.#count);
    return row;
  }

  /** Shows the outcome; `milliseconds` is the time from the save to this page, on one clock. */
  settle(row: HTMLElement, transport: Transport, outcome: Outcome, milliseconds: number): void {
    row.dataset.outcome = outcome;
    row.dataset.ms = String(milliseconds);
    put(row, {
      outcome: outcome === "no change" ? "page unchanged" : outcome,
      ms: transport === "live" ? `${milliseconds} ms` : "caught up",
    });
    if (transport === "live") this.#measure(milliseconds);
  }

  #measure(milliseconds: number): void {
    this.#latencies.push(milliseconds);
    const sorted = this.#latencies.toSorted((a, b) => a - b);
    this.#part("last").textContent = `${milliseconds} ms`;
    this.#part("median").textContent = `${sorted[(sorted.length - 1) >> 1]} ms`;
  }

  #row(): HTMLElement {
    const blank = this.root.querySelector("template")!;
    return blank.content.firstElementChild!.cloneNode(true) as HTMLElement;
  }

  #part(name: string): HTMLElement {
    return this.root.querySelector<HTMLElement>(`[data-wire="${name}"]`)!;
  }
}

function put(row: HTMLElement, texts: Record<string, string>): void {
  for (const [part, text] of Object.entries(texts))
    row.querySelector(`[data-part="${part}"]`)!.textContent = text;
}
