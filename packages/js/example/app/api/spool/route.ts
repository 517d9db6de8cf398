export { spoolWebhook as POST } from "@/lib/spool";
