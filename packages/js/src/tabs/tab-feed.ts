import type { Settings } from "../config.js";
import { Feed } from "../engine/feed.js";

export class TabFeed extends Feed {
  static isPossible(): boolean {
    return false;
  }

  constructor(settings: Settings) {
    super(settings);
  }
}
