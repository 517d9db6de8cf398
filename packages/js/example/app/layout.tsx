import type { Metadata } from "next";
import type { ReactNode } from "react";

import "./paper.css";

export const metadata: Metadata = {
  title: "The Courier",
  description: "A paper of the spool_live demo, as a Next.js site.",
};

export default function Layout({ children }: { children: ReactNode }) {
  return (
    <html lang="en">
      <body>{children}</body>
    </html>
  );
}
