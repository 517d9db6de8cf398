// The reference library for JavaScript: verifies what stands on its input, and signs an answer.
import { createRequire } from "node:module";

const { Webhook } = createRequire(process.argv[2])("standardwebhooks");
let input = "";
for await (const piece of process.stdin) input += piece;
const { secret, headers, body } = JSON.parse(input);
const webhook = new Webhook(secret);
const payload = webhook.verify(body, headers);
const answer = JSON.stringify(payload);
const now = new Date();
const signed = {
  "webhook-id": "msg_from_node",
  "webhook-timestamp": String(Math.floor(now.getTime() / 1000)),
  "webhook-signature": webhook.sign("msg_from_node", now, answer),
};
console.log(JSON.stringify({ payload, body: answer, headers: signed }));
