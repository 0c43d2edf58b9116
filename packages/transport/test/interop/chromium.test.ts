import { createHash, X509Certificate } from "node:crypto";
import { chromiumArguments, requireSoftware, temporaryFolder } from "@king-runtime/testkit";
import { chromium } from "playwright-core";
import { expect, test } from "vitest";
import { interopListener } from "./interop-listener.ts";

// A browser of another test run may be busy on the same cores.
const timeout = 60_000;

const page = `<!doctype html><script type="module">
  const protocolOf = (name) => performance.getEntriesByName(new URL(name, location).href)[0];
  const seen = {};
  seen.protocol = performance.getEntriesByType("navigation")[0].nextHopProtocol;
  seen.said = await (await fetch("/a?b=c")).json();
  const body = new Uint8Array(3_000_000).fill(107);
  const echoed = await (await fetch("/echo", { method: "POST", body })).bytes();
  seen.echoed = echoed.length === body.length && echoed.every((byte) => byte === 107);
  seen.hinted = await (await fetch("/hints")).text();
  seen.many = (await Promise.all(
    Array.from({ length: 60 }, (_, i) => fetch("/many/" + i).then((each) => each.json())),
  )).map((each) => each.path).join() === Array.from({ length: 60 }, (_, i) => "/many/" + i).join();
  const controller = new AbortController();
  const large = await fetch("/large?100000000", { signal: controller.signal });
  await large.body.getReader().read();
  controller.abort();
  seen.after = (await fetch("/nothing")).status;
  seen.hop = protocolOf("/a?b=c").nextHopProtocol;
  await fetch("/report", { method: "POST", body: JSON.stringify(seen) });
</script>`;

test.for([
  ["HTTP/1.1", false, "http/1.1"],
  ["HTTP/2 over TLS", true, "h2"],
] as const)(
  "Chromium over %s fetches, uploads, aborts and goes on",
  { timeout },
  async ([, isSecure, protocol], context) => {
    const executablePath = requireSoftware("chromium", context);
    const reported = Promise.withResolvers<Record<string, unknown>>();
    await using place = await interopListener({
      isSecure,
      before: async (exchange) => {
        if (exchange.path === "/") exchange.respond(200, { "content-type": "text/html" }, page);
        else if (exchange.path === "/report") {
          reported.resolve(JSON.parse(Buffer.from(await exchange.bytes()).toString()));
          exchange.respond(204);
        } else return false;
        return true;
      },
    });
    const { publicKey } = new X509Certificate(place.certificates.leaf.cert);
    const spki = publicKey.export({ type: "spki", format: "der" });
    const pin = createHash("sha256").update(spki).digest("base64");
    await using profile = await temporaryFolder("king-interop-browser");
    const browser = await chromium.launchPersistentContext(profile.path, {
      executablePath,
      headless: true,
      args: [...chromiumArguments, `--ignore-certificate-errors-spki-list=${pin}`],
    });
    try {
      const tab = await browser.newPage();
      tab.on("pageerror", reported.reject);
      await tab.goto(`${isSecure ? "https" : "http"}://127.0.0.1:${place.port}/`);
      expect(await reported.promise).toEqual({
        protocol,
        hop: protocol,
        said: expect.objectContaining({ method: "GET", path: "/a", query: "b=c" }),
        echoed: true,
        hinted: "hinted",
        many: true,
        after: 204,
      });
    } finally {
      await browser.close();
    }
  },
);
