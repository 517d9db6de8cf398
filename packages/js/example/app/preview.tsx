"use client";
// Only for an editor's preview: each event renders the page anew.
import { useRouter } from "next/navigation";
import { SpoolLive } from "spool-live/react";

export function Preview() {
  const router = useRouter();
  return <SpoolLive debounce={0} endpoint="/api/spool-live" refresh={() => router.refresh()} />;
}
