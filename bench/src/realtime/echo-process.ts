// Has messages echoed: `echo-process.ts <port> <carrier> <CA>`, told how many over IPC.
import { connectWebSocket } from "@king-runtime/realtime";
import { openHttpSession } from "@king-runtime/transport";
import { type Carrier, quicOf } from "./carrier.ts";

const [port, carrier, ca = ""] = process.argv.slice(2) as [string, Carrier, string];
const message = "x".repeat(125);
const atOnce = 100;

const session = await openHttpSession(`https://localhost:${port}`, {
  tls: { ca },
  protocols: [carrier === "h1" || carrier === "h2" ? carrier : "h3"],
  ...(await quicOf(carrier)),
});
let toSend = 0;
let toReceive = 0;
const connection = await connectWebSocket(session, {
  onMessage(received) {
    if (received.length !== message.length) throw new Error("expected the message itself");
    if (toSend > 0) {
      toSend--;
      connection.send(message);
    }
    if (--toReceive === 0) process.send?.({ type: "echoed" });
  },
});
// Whoever waits for an answer learns of it by this process's end.
void connection.closed.then(() => process.exit(1));
process.on("message", ({ count }: { count: number }) => {
  const first = Math.min(atOnce, count);
  toReceive = count;
  toSend = count - first;
  for (let i = 0; i < first; i++) connection.send(message);
});
// The bench is done with it.
process.on("disconnect", () => process.exit());
process.send?.({ type: "ready" });
