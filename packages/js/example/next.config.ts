import type { NextConfig } from "next";

const config: NextConfig = {
  cacheComponents: true,
  partialPrefetching: true,
  // spool-live is linked to the folder above; an installed package needs no such line.
  turbopack: { root: new URL("..", import.meta.url).pathname },
};

export default config;
