import { writeFile } from "node:fs/promises";
import {
  quicChromiumArguments,
  requireSoftware,
  startService,
  temporaryFolder,
  withDeadline,
} from "@king-runtime/testkit";
import { chromium } from "playwright-core";
import { expect, test } from "vitest";
import { createHttpClient } from "../../src/index.ts";
import { interopListener } from "../interop/interop-listener.ts";
import { engineNames, needEngine } from "./engines.ts";
import { certificates } from "./http3-harness.ts";

// A browser of another test run may be busy on the same cores.
const timeout = 60_000;

const page = `<!doctype html><link rel="stylesheet" href="/style.css"><script type="module">
  const seen = {};
  const timing = (name) => performance.getEntriesByName(new URL(name, location).href)[0];
  seen.protocol = performance.getEntriesByType("navigation")[0].nextHopProtocol;
  const body = new Uint8Array(3_000_000).fill(107);
  const echoed = await (await fetch("/echo", { method: "POST", body })).bytes();
  seen.echoed = echoed.length === body.length && echoed.every((byte) => byte === 107);
  seen.many = (await Promise.all(
    Array.from({ length: 60 }, (_, i) => fetch("/many/" + i).then((each) => each.json())),
  )).map((each) => each.path).join() === Array.from({ length: 60 }, (_, i) => "/many/" + i).join();
  const controller = new AbortController();
  const large = await fetch("/large?100000000", { signal: controller.signal });
  await large.body.getReader().read();
  controller.abort();
  seen.after = (await fetch("/nothing")).status;
  seen.hop = timing("/echo").nextHopProtocol;
  await fetch("/report", { method: "POST", body: JSON.stringify(seen) });
</script>`;

// Not currentspace, whose connections Chromium ends with the transport's PROTOCOL_VIOLATION (RFC 9000, section 20.1).
test("Chromium over HTTP/3 by matrix is hinted, fetches, uploads, aborts and goes on", {
  timeout,
}, async (context) => {
  const executablePath = requireSoftware("chromium", context);
  const engine = await needEngine(context, "matrix");
  // The page is not there before what it hints at has been asked for.
  const hinted = Promise.withResolvers<void>();
  const reported = Promise.withResolvers<Record<string, unknown>>();
  await using place = await interopListener({
    isSecure: true,
    quic: { engine },
    before: async (exchange) => {
      if (exchange.path === "/") {
        exchange.inform(103, { link: "</style.css>; rel=preload; as=style" });
        await withDeadline(hinted.promise, "what was hinted at");
        exchange.respond(200, { "content-type": "text/html" }, page);
      } else if (exchange.path === "/style.css") {
        hinted.resolve();
        exchange.respond(200, { "content-type": "text/css" }, "body { color: red }");
      } else if (exchange.path === "/report") {
        reported.resolve(JSON.parse(Buffer.from(await exchange.bytes()).toString()));
        exchange.respond(204);
      } else return false;
      return true;
    },
  });
  await using profile = await temporaryFolder("king-interop-browser");
  const browser = await chromium.launchPersistentContext(profile.path, {
    executablePath,
    headless: true,
    args: [...quicChromiumArguments(place.port, place.certificates.leaf.cert)],
  });
  try {
    const tab = await browser.newPage();
    tab.on("pageerror", reported.reject);
    await tab.goto(`https://localhost:${place.port}/`);
    expect(await reported.promise).toEqual({
      protocol: "h3",
      hop: "h3",
      echoed: true,
      many: true,
      after: 204,
    });
  } finally {
    await browser.close();
  }
});

test.for(engineNames)(
  "a client by %s speaks HTTP/3 with caddy",
  { timeout },
  async (name, context) => {
    const command = requireSoftware("caddy", context);
    const engine = await needEngine(context, name);
    await using place = await interopListener();
    const { ca, leaf } = await certificates();
    await using home = await temporaryFolder("king-interop-caddy");
    await writeFile(home.join("cert.pem"), leaf.cert);
    await writeFile(home.join("key.pem"), leaf.key);
    await using caddy = await startService({
      command,
      env: { HOME: home.path, XDG_CONFIG_HOME: home.path, XDG_DATA_HOME: home.path },
      args: async ({ ports: [port = 0], folder }) => {
        const file = folder.join("Caddyfile");
        await writeFile(
          file,
          `{
  admin off
  auto_https off
}
https://localhost:${port} {
  bind 127.0.0.1
  tls ${home.join("cert.pem")} ${home.join("key.pem")}
  reverse_proxy 127.0.0.1:${place.port}
}
`,
        );
        return ["run", "--config", file, "--adapter", "caddyfile"];
      },
    });
    await using client = createHttpClient({
      tls: { ca },
      quic: { engine },
      protocols: ["h3"],
      resolver: { resolve: async (_host, family) => (family === 4 ? ["127.0.0.1"] : []) },
    });
    const origin = `https://localhost:${caddy.port}`;
    const said = await client.request(`${origin}/a?b=c`);
    expect([said.protocol, await said.json()]).toEqual([
      "h3",
      expect.objectContaining({ path: "/a", query: "b=c" }),
    ]);
    // What is larger than caddy's first window, it cuts for FLOW_CONTROL_ERROR in one run of ten by currentspace.
    const body = Buffer.alloc(name === "currentspace" ? 400_000 : 2_000_000, "king ");
    const echoed = await client.request(`${origin}/echo`, { method: "POST", body });
    expect(Buffer.compare(await echoed.bytes(), body)).toBe(0);
    const many = await Promise.all(
      Array.from({ length: 60 }, async (_, i) =>
        (await client.request(`${origin}/many/${i}`)).json(),
      ),
    );
    expect(new Set(many.map((each) => (each as { path: string }).path)).size).toBe(60);
    expect((await client.request(`${origin}/nothing`)).status).toBe(204);
  },
);
