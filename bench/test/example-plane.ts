import { createServer } from "node:http";
import type { BenchPlane, OperationWorkload, ServerWorkload } from "../src/harness/plane.ts";

const spin = (times: number): OperationWorkload => ({
  kind: "operation",
  operations: 20,
  open: async () => ({
    async run(count) {
      let sum = 0;
      for (let i = 0; i < count * times * 20_000; i++) sum += Math.sqrt(i);
      if (Number.isNaN(sum)) throw new Error("unreachable");
    },
    close: async () => {},
  }),
});

const answer = (text: string): ServerWorkload => ({
  kind: "server",
  load: { protocol: "h1", connections: 2, requests: 200, expectBodyBytes: 5 },
  async start() {
    const server = createServer((_, response) => response.end(text));
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    return {
      port: (server.address() as { port: number }).port,
      async close() {
        server.closeAllConnections();
        server.close();
      },
    };
  },
});

export const plane: BenchPlane = {
  name: "example",
  rows: [
    { name: "four times the work", peerName: "once", ours: spin(4), peer: spin(1) },
    { name: "a server", peerName: "itself", ours: answer("hello"), peer: answer("hello") },
    {
      name: "a wrong answer",
      peerName: "a right one",
      ours: answer("hell"),
      peer: answer("hello"),
    },
  ],
};
