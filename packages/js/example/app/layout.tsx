import type { Metadata } from "next";
import { draftMode } from "next/headers";
import type { ReactNode } from "react";

import "./paper.css";
import { Preview } from "./preview";

export const metadata: Metadata = {
  title: "The Courier",
  description: "A paper of the spool_live demo, as a Next.js site.",
};

export default async function Layout({ children }: { children: ReactNode }) {
  const { isEnabled } = await draftMode();
  return (
    <html lang="en">
      <body>
        {children}
        {isEnabled && <Preview />}
      </body>
    </html>
  );
}
