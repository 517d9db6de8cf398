// The index and the split view: pages around the papers.
import { followTheme } from "./theme";

followTheme();
