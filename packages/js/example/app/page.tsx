import Link from "next/link";

import { cards } from "@/lib/paper";

export default async function Front() {
  return (
    <main>
      <h1>The Courier</h1>
      <ol className="river">
        {(await cards()).map((card) => (
          <li key={card.id}>
            <p className="kicker">{card.section}</p>
            <h2>
              <Link href={`/stories/${card.slug}`}>{card.title}</Link>
            </h2>
            <p>{card.summary}</p>
            <p className="byline">{card.byline}</p>
          </li>
        ))}
      </ol>
    </main>
  );
}
