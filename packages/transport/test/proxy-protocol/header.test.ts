import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { maxProxyHeaderBytes, parseProxyHeader } from "../../src/proxy-protocol/header.ts";

const signature = "0d0a0d0a000d0a515549540a";
const hex = (text: string) => Buffer.from(text.replaceAll(" ", ""), "hex");
const line = (text: string) => Buffer.from(text, "latin1");
const v4 = {
  source: { address: "192.0.2.1", port: 56324, family: "IPv4" },
  destination: { address: "198.51.100.2", port: 443, family: "IPv4" },
};
const v6 = {
  source: { address: "2001:db8::1", port: 56324, family: "IPv6" },
  destination: { address: "::1", port: 443, family: "IPv6" },
};
const addresses4 = "c0000201 c6336402 dc04 01bb";
const addresses6 = `${"20010db8".padEnd(30, "0")}01 ${"1".padStart(32, "0")} dc04 01bb`;

const mapped6 = ["c0000201", "c6336402"].map((each) => `${"0".repeat(20)}ffff${each}`).join(" ");

const headers: [string, Buffer, object | undefined][] = [
  ["version 1, TCP4", line("PROXY TCP4 192.0.2.1 198.51.100.2 56324 443\r\n"), v4],
  ["version 1, TCP6", line("PROXY TCP6 2001:db8::1 ::1 56324 443\r\n"), v6],
  ["version 1, unknown", line("PROXY UNKNOWN\r\n"), undefined],
  ["version 1, unknown, with anything", line("PROXY UNKNOWN ffff::1 a b c\r\n"), undefined],
  ["version 2, TCP over IPv4", hex(`${signature} 21 11 000c ${addresses4}`), v4],
  ["version 2, TCP over IPv6", hex(`${signature} 21 21 0024 ${addresses6}`), v6],
  [
    "version 1, TCP6 that stands for IPv4",
    line("PROXY TCP6 ::ffff:192.0.2.1 0:0:0:0:0:FFFF:c633:6402 56324 443\r\n"),
    v4,
  ],
  ["version 2, IPv6 that stands for IPv4", hex(`${signature} 21 21 0024 ${mapped6} dc04 01bb`), v4],
  ["version 2, with extensions", hex(`${signature} 21 11 0010 ${addresses4} 04000100`), v4],
  ["version 2, LOCAL", hex(`${signature} 20 00 0000`), undefined],
  ["version 2, LOCAL with addresses", hex(`${signature} 20 11 000c ${addresses4}`), undefined],
  ["version 2, UDP", hex(`${signature} 21 12 000c ${addresses4}`), undefined],
  ["version 2, a family to come", hex(`${signature} 21 ff 0001 00`), undefined],
];

describe.each(headers)("%s", (_, bytes, endpoints) => {
  test("is taken whole, and no byte more", () => {
    expect(parseProxyHeader(bytes)).toEqual({ bytes: bytes.length, endpoints });
    const followed = Buffer.concat([bytes, line("GET / HTTP/1.1\r\n")]);
    expect(parseProxyHeader(followed)).toEqual({ bytes: bytes.length, endpoints });
  });

  test("is waited for, byte by byte", () => {
    for (let end = 1; end < bytes.length; end++) {
      expect(parseProxyHeader(bytes.subarray(0, end))).toBeUndefined();
    }
  });
});

test.each([
  ["a request", line("GET / HTTP/1.1\r\n")],
  ["a TLS handshake", hex("16030100")],
  ["lower case", line("proxy TCP4")],
  ["another family", line("PROXY UDP4 1.2.3.4 1.2.3.4 1 1\r\n")],
  ["addresses of the other family", line("PROXY TCP4 ::1 ::1 1 1\r\n")],
  ["an address short of a part", line("PROXY TCP4 1.2.3 1.2.3.4 1 1\r\n")],
  ["a port with a zero in front", line("PROXY TCP4 1.2.3.4 1.2.3.4 01 1\r\n")],
  ["a port too large", line("PROXY TCP4 1.2.3.4 1.2.3.4 1 65536\r\n")],
  ["a port with a sign", line("PROXY TCP4 1.2.3.4 1.2.3.4 +1 1\r\n")],
  ["no port", line("PROXY TCP4 1.2.3.4 1.2.3.4 1\r\n")],
  ["two spaces", line("PROXY TCP4  1.2.3.4 1.2.3.4 1 1\r\n")],
  ["something more", line("PROXY TCP4 1.2.3.4 1.2.3.4 1 1 1\r\n")],
  ["a line that does not end", line(`PROXY UNKNOWN ${"x".repeat(100)}`)],
  ["version 3", hex(`${signature} 31 11 000c`)],
  ["another command", hex(`${signature} 22 11 000c`)],
  ["less than its addresses", hex(`${signature} 21 11 000b ${addresses4}`)],
  ["more than its limit", hex(`${signature} 21 11 ffff`)],
])("%s is no header", (_, bytes) => {
  expect(() => parseProxyHeader(bytes)).toThrow(/^expected/);
});

test("whatever comes, it is a header, the beginning of one, or refused; nothing is waited for for ever", () => {
  const beginnings = fc.constantFrom("", "PROXY ", "PROXY TCP4 ", ...headers.map(([, b]) => b));
  fc.assert(
    fc.property(beginnings, fc.uint8Array({ maxLength: 64 }), (beginning, rest) => {
      const bytes = Buffer.concat([Buffer.from(beginning as string, "latin1"), rest]);
      try {
        const header = parseProxyHeader(bytes);
        if (header === undefined) expect(bytes.length).toBeLessThan(maxProxyHeaderBytes);
        else expect(header.bytes).toBeLessThanOrEqual(bytes.length);
      } catch (error) {
        expect((error as Error).message).toMatch(/^expected/);
      }
    }),
    { numRuns: Number(process.env["KING_FUZZ_RUNS"] ?? 200) },
  );
});
