import { describe, expect, test } from "vitest";

import { type Page, Sequencer } from "../src/engine/sequencer.js";
import type { LiveUpdate, StreamEvent } from "../src/updates.js";

const update = (seq: number | null, id = `id-${seq}`) => ({ id, seq }) as unknown as LiveUpdate;
const updates = (...seqs: number[]) => seqs.map((seq) => update(seq));
const page = (seqs: number[], more: Partial<Page> = {}): Page => ({
  updates: updates(...seqs),
  seq: 100,
  next: null,
  reset: false,
  epoch: 1,
  ...more,
});
const seqs = (events: StreamEvent[]) =>
  events.map((event) => (event.event_type === "reset" ? `reset ${event.seq}` : event.seq));

describe("what the socket brings", () => {
  test("comes out once and in order", () => {
    const sequencer = new Sequencer(0);
    expect(seqs(sequencer.receive(updates(2, 1, 1, 2, 3)))).toEqual([1, 2, 3]);
    expect(seqs(sequencer.receive(updates(1, 3)))).toEqual([]);
    expect(sequencer.gapBefore).toBeNull(); // the log need not be asked for what was seen
  });

  test("waits behind a gap", () => {
    const sequencer = new Sequencer(0);
    expect(seqs(sequencer.receive(updates(3, 4)))).toEqual([]);
    expect(sequencer.gapBefore).toBe(3);
    expect(seqs(sequencer.receive(updates(1, 2)))).toEqual([1, 2, 3, 4]);
    expect(sequencer.gapBefore).toBeNull();
  });

  test("is left to the log where too much waits, but for the next one", () => {
    const sequencer = new Sequencer(0, 2);
    sequencer.receive(updates(5, 6, 7));
    expect(seqs(sequencer.receive(updates(1)))).toEqual([1]);
    expect(seqs(sequencer.absorb(page([2, 3, 4])))).toEqual([2, 3, 4, 5, 6]);
  });

  test("has no number: it is delivered as it comes, once", () => {
    const sequencer = new Sequencer(7);
    expect(sequencer.receive([update(null, "a"), update(null, "a")])).toHaveLength(1);
    expect(sequencer.position).toBe(7);
  });
});

describe("a page of the log", () => {
  test("proves its own gaps", () => {
    const sequencer = new Sequencer(0);
    sequencer.receive(updates(4));
    expect(seqs(sequencer.absorb(page([1, 3])))).toEqual([1, 3, 4]);
    expect(sequencer.position).toBe(4);
  });

  test("that resets moves the position, also back, and says so first", () => {
    const sequencer = new Sequencer(50);
    sequencer.receive(updates(60));
    expect(seqs(sequencer.absorb(page([], { reset: true, seq: 59 })))).toEqual(["reset 59", 60]);
    expect(seqs(sequencer.absorb(page([], { reset: true, seq: 3 })))).toEqual(["reset 3"]);
    expect(sequencer.position).toBe(3);
  });

  test("with an id that was seen under another number does not repeat it", () => {
    const sequencer = new Sequencer(0);
    sequencer.receive([update(1, "same")]);
    expect(sequencer.absorb({ ...page([]), updates: [update(2, "same")] })).toEqual([]);
    expect(sequencer.position).toBe(2);
  });
});

test("an accepted gap is passed over", () => {
  const sequencer = new Sequencer(0);
  sequencer.receive(updates(3, 4));
  expect(seqs(sequencer.acceptGap())).toEqual([3, 4]);
});

test("remembered ids are bounded", () => {
  const sequencer = new Sequencer(0, 10, 2);
  sequencer.receive([update(null, "a"), update(null, "b"), update(null, "c")]);
  expect(sequencer.receive([update(null, "c")])).toEqual([]);
  expect(sequencer.receive([update(null, "a")])).toHaveLength(1);
});
