// A paper's page: rendered by its server, and kept up to date by live updates.
import { type ConnectionState, fromEndpoint, LiveUpdatesClient, type LiveUpdate } from "spool-live";

import { tellTimes } from "./fields";
import { FrontPage } from "./front";
import { SiteServer } from "./server";
import { StoryPage } from "./story";
import { followTheme } from "./theme";
import type { PageConfig } from "./types";
import { type State, Wire } from "./wire";

const page = JSON.parse(document.getElementById("page")!.textContent!) as PageConfig;
const server = new SiteServer(page);
const client = new LiveUpdatesClient({ ...fromEndpoint(page.live_url), siteId: page.site_id });
const wire = new Wire(document.querySelector<HTMLElement>(".wire")!);
const content = page.item
  ? new StoryPage(document.querySelector<HTMLElement>(".story")!, server, page)
  : new FrontPage(
      document.querySelector<HTMLElement>(".river")!,
      document.querySelector<HTMLTemplateElement>("#blank-card")!,
      server,
      page,
    );

async function follow(update: LiveUpdate): Promise<void> {
  const transport = client.state.connected ? "live" : "catch-up";
  const row = wire.add(update);
  const outcome = await content.apply(update);
  const age = server.now() - Date.parse(update.timestamp);
  wire.settle(row, transport, outcome, Math.max(0, Math.round(age)));
}

function show({ phase, error, reconnectAttempts }: ConnectionState): void {
  wire.state(stateOf(phase, reconnectAttempts), error ?? "");
}

function stateOf(phase: ConnectionState["phase"], attempts: number): State {
  if (phase === "live") return "live";
  if (!navigator.onLine) return "offline";
  return attempts || phase === "backing off" || phase === "stopped" ? "reconnecting" : "connecting";
}

/** After a failure, fetches the whole page again until it succeeds. */
let healing = false;
async function heal(): Promise<void> {
  if (healing) return;
  healing = true;
  while (!(await content.reload().catch(() => null)))
    await new Promise((resolve) => setTimeout(resolve, 2_000));
  healing = false;
}

followTheme();
tellTimes();
setInterval(tellTimes, 30_000);
client.onUpdate((update) => void follow(update).catch(heal));
client.onReset(heal);
client.onState(show);
// Edits between the rendering of the page and the first token are not among the updates.
void client.connect().then(heal, (error: Error) => wire.state("offline", error.message));
