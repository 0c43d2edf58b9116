import { createSecureServer } from "node:http2";
import type { AddressInfo } from "node:net";
import { expect, test } from "vitest";
import { createHttpClient, type RequestBody } from "../../src/index.ts";
import { certificates } from "./client-harness.ts";

const parts = async function* () {
  for (let part = 0; part < 5; part++) yield Buffer.alloc(1_000);
};

test.each<[string, RequestBody]>([
  ["whole", "body"],
  ["streamed", parts],
])(
  "%s bodies given up by the hundred over HTTP/2 with TLS do not take the process down",
  async (_, body) => {
    const { ca, leaf } = await certificates();
    const server = createSecureServer(leaf);
    let served = 0;
    server.on("sessionError", () => undefined);
    server.on("stream", (stream) => {
      stream.on("error", () => undefined);
      stream.resume();
      setTimeout(
        () => {
          if (stream.destroyed || stream.closed) return;
          stream.respond({ ":status": 200 });
          stream.end("ok".repeat(5_000));
        },
        (served++ * 7) % 40,
      );
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const origin = `https://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const enough = new Error("enough");
    for (let round = 0; round < 3; round++) {
      const client = createHttpClient({ protocols: ["h2"], tls: { ca } });
      const outcomes = await Promise.all(
        Array.from({ length: 1_000 }, async (_, i) => {
          const own = new AbortController();
          if (i % 5 < 3) setTimeout(() => own.abort(enough), (i * 17) % 60);
          try {
            const { signal } = own;
            const response = await client.request(origin, { method: "POST", body, signal });
            return (await response.text()).length;
          } catch (error) {
            return error;
          }
        }),
      );
      for (const outcome of outcomes) expect([10_000, enough]).toContain(outcome);
      await client.close();
    }
    await new Promise<void>((resolve) => server.close(() => resolve()));
  },
);
