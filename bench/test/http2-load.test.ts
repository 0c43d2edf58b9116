import { createServer } from "node:http2";
import type { AddressInfo } from "node:net";
import { expect, onTestFinished, test } from "vitest";
import { takeFrames } from "../src/harness/http2-frames.ts";
import { loadHttp2 } from "../src/harness/http2-load.ts";

/** A genuine HTTP/2 server that answers with what it was sent, and counts. */
async function serve(answer: (body: string) => string, status = 200) {
  let requests = 0;
  const server = createServer();
  server.on("stream", (stream) => {
    requests++;
    let body = "";
    stream.setEncoding("utf8");
    stream.on("data", (text) => {
      body += text;
    });
    stream.on("end", () => {
      stream.respond({ ":status": status, "content-type": "text/plain" });
      stream.end(answer(body));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => void server.close());
  return { port: (server.address() as AddressInfo).port, count: () => requests };
}

test("every request is sent and answered, on every connection and stream", async () => {
  const { port, count } = await serve(() => "hello");
  const load = {
    protocol: "h2",
    connections: 3,
    streamsPerConnection: 4,
    expectBodyBytes: 5,
  } as const;
  await loadHttp2({ port, requests: 500, load });
  expect(count()).toBe(500);
});

test("bodies go along", async () => {
  const { port, count } = await serve((body) => body);
  const load = {
    protocol: "h2",
    method: "POST",
    bodyBytes: 1_000,
    expectBodyBytes: 1_000,
  } as const;
  await loadHttp2({ port, requests: 50, load });
  expect(count()).toBe(50);
});

test("a wrong answer fails the run instead of counting as a fast one", async () => {
  const short = await serve(() => "hell");
  const missing = await serve(() => "hello", 404);
  const load = { protocol: "h2", expectBodyBytes: 5 } as const;
  await expect(loadHttp2({ port: short.port, requests: 1, load })).rejects.toThrow(/got 4/);
  await expect(loadHttp2({ port: missing.port, requests: 1, load })).rejects.toThrow(/:status 200/);
});

test("frames are taken whole, wherever the bytes were cut", () => {
  const bytes = Buffer.from("000003000100000001616263" + "000000040100000000", "hex");
  for (let cut = 0; cut <= bytes.length; cut++) {
    const seen: string[] = [];
    const rest = takeFrames(bytes.subarray(0, cut), ({ payload }) => seen.push(payload.toString()));
    takeFrames(Buffer.concat([rest, bytes.subarray(cut)]), ({ payload }) =>
      seen.push(payload.toString()),
    );
    expect(seen).toEqual(["abc", ""]);
  }
});
