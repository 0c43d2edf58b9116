import { createHash, X509Certificate } from "node:crypto";
import type { TlsOptions } from "node:tls";
import { defineConfig } from "@king-runtime/core";
import { makeCertificates } from "@king-runtime/testkit";
import { describe, expect, test } from "vitest";
import { poolSection, requestSection, tlsSection } from "../../../src/index.ts";
import { rawServer } from "./raw-server.ts";
import {
  expectOutcome,
  leavingNothing,
  type Outcome,
  onWay,
  outcomeOf,
  type WayOptions,
  wayNames,
} from "./ways.ts";

const { ca, leaf, wrongHost, expired, notYetValid, selfSigned } = await makeCertificates();
const other = await makeCertificates("Another test authority");
const pinOf = (pem: string) => {
  const spki = new X509Certificate(pem).publicKey.export({ type: "spki", format: "der" });
  return `sha256/${createHash("sha256").update(spki).digest("base64")}`;
};
const because = (reason: string): Outcome => ({ code: "KING_NET_TLS", details: { reason } });
const onlyNew = defineConfig({
  sections: [poolSection, requestSection, tlsSection],
  operator: { tls: { minVersion: "TLSv1.3" } },
});
const trusting: WayOptions = { tls: { ca }, protocols: ["h1"] };

const cases: readonly [string, TlsOptions, WayOptions, Outcome][] = [
  ["has a certificate for other names", wrongHost, trusting, because("wrong-host")],
  ["has a certificate that is out of date", expired, trusting, because("expired")],
  ["has a certificate that is not valid yet", notYetValid, trusting, because("not-yet-valid")],
  ["has a certificate of others", other.leaf, trusting, because("unknown-authority")],
  ["has a certificate of its own", selfSigned, trusting, because("self-signed")],
  [
    "has none of the pinned keys",
    leaf,
    { protocols: ["h1"], tls: { ca, pins: [pinOf(other.leaf.cert)] } },
    because("not-pinned"),
  ],
  [
    "has no application protocol in common",
    { ...leaf, ALPNProtocols: ["smtp"] },
    trusting,
    because("no-application-protocol"),
  ],
  [
    "chooses none, where HTTP/2 alone will do",
    leaf,
    { ...trusting, protocols: ["h2"] },
    { code: "KING_HTTP_PROTOCOL_UNAVAILABLE", details: { wanted: ["h2"], got: "no choice" } },
  ],
  [
    "speaks nothing newer than TLS 1.1",
    { ...leaf, minVersion: "TLSv1", maxVersion: "TLSv1.1", ciphers: "DEFAULT@SECLEVEL=0" },
    trusting,
    because("protocol-version"),
  ],
  [
    "speaks nothing newer than TLS 1.2, where 1.3 is the least",
    { ...leaf, maxVersion: "TLSv1.2" },
    { ...trusting, config: onlyNew },
    because("protocol-version"),
  ],
  // What it says then is no more than that it failed (RFC 5246, section 7.4.6).
  [
    "wants a certificate over TLS 1.2 and gets none",
    { ...leaf, requestCert: true, ca: other.ca, maxVersion: "TLSv1.2" },
    trusting,
    because("handshake"),
  ],
  [
    "wants a certificate over TLS 1.3 and gets none",
    { ...leaf, requestCert: true, ca: other.ca },
    trusting,
    because("client-certificate"),
  ],
];

describe.each(wayNames)("by %s, a server that", (name) => {
  test.each(cases)("%s is refused", async (_, server, options, expected) => {
    await leavingNothing(async () => {
      await using wrong = await rawServer("", { tls: server });
      await onWay(name, wrong.origin, options, async (way) => {
        for (let i = 0; i < 2; i++) expectOutcome(await outcomeOf(way.ask("/good")), expected);
        await way.idle();
      });
      expect(wrong.requests).toEqual([]);
    });
  });

  test("has one of the pinned keys serves", async () => {
    await leavingNothing(async () => {
      await using right = await rawServer("", { tls: leaf });
      const tls = { ca, pins: [pinOf(other.leaf.cert), pinOf(leaf.cert)] };
      await onWay(name, right.origin, { tls, protocols: ["h1"] }, async (way) => {
        expectOutcome(await outcomeOf(way.ask("/good")), { text: "good" });
      });
    });
  });

  test("wants a certificate serves who shows the right one", async () => {
    await leavingNothing(async () => {
      const asking = { ...leaf, requestCert: true, ca };
      await using right = await rawServer("", { tls: asking });
      const tls = { ca, cert: leaf.cert, key: leaf.key };
      await onWay(name, right.origin, { tls, protocols: ["h1"] }, async (way) => {
        expectOutcome(await outcomeOf(way.ask("/good")), { text: "good" });
      });
    });
  });
});
