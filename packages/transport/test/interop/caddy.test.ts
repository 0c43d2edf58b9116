import { once } from "node:events";
import { writeFile } from "node:fs/promises";
import { gunzipSync } from "node:zlib";
import type { Exchange } from "@king-runtime/core";
import {
  connectRaw,
  eventually,
  requireSoftware,
  startService,
  withDeadline,
} from "@king-runtime/testkit";
import { describe, expect, test } from "vitest";
import { request } from "../../src/index.ts";
import { type InteropListener, interopListener } from "./interop-listener.ts";

const caddyfile = (port: number, upstream: number, version: string) => `{
  admin off
  auto_https off
}
http://127.0.0.1:${port} {
  encode gzip
  reverse_proxy 127.0.0.1:${upstream} {
    transport http {
      versions ${version}
    }
  }
}
`;

function caddyBefore(
  command: string,
  { port: upstream, folder: home }: InteropListener,
  version: string,
) {
  return startService({
    command,
    env: { HOME: home.path, XDG_CONFIG_HOME: home.path, XDG_DATA_HOME: home.path },
    args: async ({ ports: [port = 0], folder }) => {
      const file = folder.join("Caddyfile");
      await writeFile(file, caddyfile(port, upstream, version));
      return ["run", "--config", file, "--adapter", "caddyfile"];
    },
  });
}

describe.each([
  ["HTTP/1.1", "1.1", "h1"],
  ["cleartext HTTP/2", "h2c", "h2"],
])("behind caddy over %s", (_, version, protocol) => {
  test("requests and bodies come through, compressed on the way out", async (context) => {
    const command = requireSoftware("caddy", context);
    await using place = await interopListener();
    await using caddy = await caddyBefore(command, place, version);
    const origin = `http://127.0.0.1:${caddy.port}`;
    const said = await (await request(`${origin}/a?b=c`)).json();
    expect(said).toMatchObject({ path: "/a", query: "b=c", protocol, forwarded: "127.0.0.1" });

    const body = Buffer.alloc(2_000_000, "king ");
    const echoed = await request(`${origin}/echo`, { method: "POST", body });
    expect(Buffer.compare(await echoed.bytes(), body)).toBe(0);

    const headers = { "accept-encoding": "gzip" };
    const packed = await request(`${origin}/large?100000`, { headers });
    const type = packed.headers.get("content-encoding");
    const bytes = await packed.bytes();
    expect((type === "gzip" ? gunzipSync(bytes) : bytes).length).toBe(100_000);
  });

  test("a client that leaves caddy aborts the exchange here", async (context) => {
    const command = requireSoftware("caddy", context);
    const arrived = Promise.withResolvers<Exchange>();
    await using place = await interopListener({
      handler(exchange) {
        if (exchange.path === "/wait") arrived.resolve(exchange);
        else exchange.respond(200, {}, "served");
      },
    });
    await using caddy = await caddyBefore(command, place, version);
    const client = await connectRaw({ port: caddy.port });
    await client.write(`GET /wait HTTP/1.1\r\nHost: 127.0.0.1:${caddy.port}\r\n\r\n`);
    const exchange = await withDeadline(arrived.promise, "the request");
    const aborted = once(exchange.signal, "abort");
    client.reset();
    await withDeadline(aborted, "the abort");
    expect((await exchange.closed).clean).toBe(false);
    const next = await request(`http://127.0.0.1:${caddy.port}/`);
    expect(await next.text()).toBe("served");
    await eventually("no exchange is left", () => place.listener.stats().streamsActive === 0);
  });
});
