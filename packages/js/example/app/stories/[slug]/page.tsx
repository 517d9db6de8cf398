import Link from "next/link";
import { notFound } from "next/navigation";
import { Suspense } from "react";

import { story } from "@/lib/paper";

interface Props {
  params: Promise<{ slug: string }>;
}

export default function Page(props: Props) {
  return (
    <Suspense fallback={<main aria-busy />}>
      <Story {...props} />
    </Suspense>
  );
}

async function Story({ params }: Props) {
  const found = await story((await params).slug);
  if (!found) notFound();
  return (
    <main>
      <p className="kicker">
        <Link href="/">The Courier</Link> · {found.section}
      </p>
      <h1>{found.title}</h1>
      <p className="byline">
        {found.byline} · {found.minutes} min
      </p>
      {found.paragraphs.map((paragraph) => (
        <p key={paragraph}>{paragraph}</p>
      ))}
    </main>
  );
}
