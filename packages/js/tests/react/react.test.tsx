// @vitest-environment jsdom
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { expect, onTestFinished, test, vi } from "vitest";

import { createSpoolLiveEndpoint } from "../../src/next/index.js";
import { SpoolLive, useLiveUpdates, type UseLiveUpdatesOptions } from "../../src/react/index.js";
import type { LiveUpdate } from "../../src/updates.js";
import { KEY, SITE } from "../support/cms.js";
import { serve } from "../support/server.js";
import { until, world } from "../support/world.js";

async function preview() {
  const here = await world();
  const { url: apiUrl } = here.cms;
  const authorize = () => true;
  const endpoint = await serve(
    createSpoolLiveEndpoint({ siteId: SITE, apiKey: KEY, apiUrl, authorize }),
  );
  return { here, endpoint };
}

function mount(node: React.ReactNode) {
  const root = createRoot(document.createElement("div"));
  root.render(<StrictMode>{node}</StrictMode>);
  const unmount = () => root.unmount();
  onTestFinished(unmount);
  return { root, unmount };
}

function Following(props: UseLiveUpdatesOptions & { onPhase: (phase: string) => void }) {
  const state = useLiveUpdates(props);
  props.onPhase(state?.phase ?? "none");
  return null;
}

const live = (phases: string[]) => until(() => phases.at(-1) === "live", 12_000);

test("components share one socket, also under StrictMode", async () => {
  const { here, endpoint } = await preview();
  const phases: string[] = [];
  const following = { endpoint, siteId: SITE, onPhase: (phase: string) => void phases.push(phase) };
  mount(
    <>
      <Following {...following} />
      <Following {...following} />
    </>,
  );
  await live(phases);
  expect([here.realtime.joins, here.cms.tokenRequests]).toEqual([1, 1]);
});

test("what comes in quick succession is handed on once", async () => {
  const { here, endpoint } = await preview();
  const batches: (readonly LiveUpdate[])[] = [];
  const phases: string[] = [];
  mount(
    <Following
      endpoint={endpoint}
      onUpdates={(updates) => void batches.push(updates)}
      onPhase={(phase) => void phases.push(phase)}
      collections={["articles"]}
      debounce={50}
    />,
  );
  await live(phases);
  for (let n = 0; n < 5; n++) here.publish();
  here.publish({ collection: "pages" });
  await until(() => batches.length);
  await until(() => here.cms.seq === 6);
  expect(batches.map((batch) => batch.map(({ seq }) => seq))).toEqual([[1, 2, 3, 4, 5]]);
});

test("SpoolLive refreshes a preview, debounced, and leaves with it", async () => {
  const { here, endpoint } = await preview();
  const refresh = vi.fn();
  const { unmount } = mount(<SpoolLive endpoint={endpoint} refresh={refresh} debounce={30} />);
  await until(() => here.realtime.joined.length, 12_000);
  here.publish();
  here.publish();
  await until(() => refresh.mock.calls.length);
  expect(refresh).toHaveBeenCalledTimes(1);
  unmount();
  await until(() => here.realtime.sockets === 0);
});

test("an update after the component is gone refreshes nothing", async () => {
  const { here, endpoint } = await preview();
  const refresh = vi.fn();
  const { unmount } = mount(<SpoolLive endpoint={endpoint} refresh={refresh} debounce={300} />);
  await until(() => here.realtime.joined.length, 12_000);
  here.publish();
  await until(() => here.realtime.sockets === 1);
  unmount();
  await until(() => here.realtime.sockets === 0);
  expect(refresh).not.toHaveBeenCalled();
});
