// A paper's page: what its server rendered, kept true by what its editors do.
import { LiveConnection } from "./connection";
import { tellTimes } from "./fields";
import { FrontPage } from "./front";
import { SiteServer } from "./server";
import { StoryPage } from "./story";
import { followTheme } from "./theme";
import type { PageConfig, Road, Update } from "./types";
import { Wire } from "./wire";

const page = JSON.parse(document.getElementById("page")!.textContent!) as PageConfig;
const server = new SiteServer(page);
const wire = new Wire(document.querySelector<HTMLElement>(".wire")!);
const content = page.item
  ? new StoryPage(document.querySelector<HTMLElement>(".story")!, server, page)
  : new FrontPage(
      document.querySelector<HTMLElement>(".river")!,
      document.querySelector<HTMLTemplateElement>("#blank-card")!,
      server,
      page,
    );

async function follow(update: Update, road: Road): Promise<void> {
  const row = wire.announce(update);
  const outcome = await content.apply(update);
  wire.settle(row, road, outcome, Math.max(0, Math.round(server.now() - Date.parse(update.timestamp))));
}

/** What could not be fetched is fetched anew, with everything else, until it works. */
let healing = false;
async function heal(): Promise<void> {
  if (healing) return;
  healing = true;
  do await new Promise((resolve) => setTimeout(resolve, 2_000));
  while (!(await content.reload().catch(() => null)));
  healing = false;
}

followTheme();
tellTimes();
setInterval(tellTimes, 30_000);
void new LiveConnection(
  server,
  {
    update: (update, road) => void follow(update, road).catch(heal),
    reload: async () => void (await content.reload()),
  },
  (state, detail) => wire.state(state, detail),
).run();
