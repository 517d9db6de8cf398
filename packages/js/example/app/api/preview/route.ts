// GET /api/preview?secret=...: from now on this browser sees drafts, live. For editors.
import { draftMode } from "next/headers";
import { redirect } from "next/navigation";

export async function GET(request: Request) {
  const secret = process.env.SPOOL_PREVIEW_SECRET;
  if (!secret || new URL(request.url).searchParams.get("secret") !== secret)
    return new Response("This is not the secret of the preview.", { status: 403 });
  (await draftMode()).enable();
  redirect("/");
}
