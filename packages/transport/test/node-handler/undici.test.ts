import { makeCertificates } from "@king-runtime/testkit";
import express from "express";
import { Agent, fetch } from "undici";
import { expect, test } from "vitest";
import { listenHttp } from "../../src/listen-http.ts";
import { fromNode } from "../../src/node-handler.ts";

test.each([true, false])("undici gets on with an Express app, with allowH2 %s", async (allowH2) => {
  const app = express();
  app.post("/echo", (request, response) => {
    response.setHeader("x-version", request.httpVersion);
    request.pipe(response.type("application/octet-stream"));
  });
  const { ca, leaf } = await makeCertificates();
  await using listener = await listenHttp({ handler: fromNode(app), tls: leaf });
  const dispatcher = new Agent({ allowH2, connect: { ca } });
  const url = `https://localhost:${listener.local.port}/echo`;
  for (const size of [0, 1, 100_000, 3_000_000]) {
    const body = new Uint8Array(size).fill(7);
    const response = await fetch(url, { method: "POST", body, dispatcher });
    expect(response.headers.get("x-version")).toBe(allowH2 ? "2.0" : "1.1");
    expect(Buffer.compare(Buffer.from(await response.arrayBuffer()), body)).toBe(0);
  }
  await dispatcher.destroy();
  listener.abort();
});
