import { testClock } from "@king-runtime/testkit";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { AltSvcCache, type AltSvcValue, parseAltSvc } from "../../../src/client/alt-svc.ts";
import { originOf } from "../../../src/client/prepare-request.ts";

// fast-check prints the seed and the path of what fails.
const numRuns = Number(process.env["KING_FUZZ_RUNS"] ?? 1_000);

const value = (
  protocol: string,
  host: string | undefined,
  port: number,
  more = {},
): AltSvcValue => ({
  protocol,
  host,
  port,
  maxAgeSeconds: 86_400,
  persist: false,
  ...more,
});

describe("an Alt-Svc field (RFC 7838, section 3)", () => {
  test("has alternatives, best first", () => {
    expect(parseAltSvc('h2=":8000"')).toEqual([value("h2", undefined, 8_000)]);
    expect(parseAltSvc('h2="new.example.org:80"')).toEqual([value("h2", "new.example.org", 80)]);
    expect(parseAltSvc('h2="alt.example.com:8000", h2=":443"')).toEqual([
      value("h2", "alt.example.com", 8_000),
      value("h2", undefined, 443),
    ]);
    expect(parseAltSvc('h3="[2001:DB8::1]:443"')).toEqual([value("h3", "2001:DB8::1", 443)]);
    expect(parseAltSvc('h3="A.Example:1"')).toEqual([value("h3", "a.example", 1)]);
  });

  test("has parameters, of which unknown ones are passed over", () => {
    expect(parseAltSvc('h2=":443"; ma=3600')).toEqual([
      value("h2", undefined, 443, { maxAgeSeconds: 3_600 }),
    ]);
    const many = 'h2=":443";ma="60" ; persist=1;v="1,2;3\\"";quic=x ,h3=":44";persist=2;ma=0';
    expect(parseAltSvc(many)).toEqual([
      value("h2", undefined, 443, { maxAgeSeconds: 60, persist: true }),
      value("h3", undefined, 44, { maxAgeSeconds: 0 }),
    ]);
    expect(parseAltSvc(`h2=":443";ma=${"9".repeat(400)}`)).toEqual([
      value("h2", undefined, 443, { maxAgeSeconds: 2 ** 31 }),
    ]);
  });

  test("may be clear, by itself and in lower case", () => {
    expect([parseAltSvc("clear"), parseAltSvc(" \tclear ")]).toEqual(["clear", "clear"]);
    for (const none of ["Clear", 'clear, h2=":1"', 'h2=":1", clear', "clear;ma=1"]) {
      expect([none, parseAltSvc(none)]).toEqual([none, undefined]);
    }
  });

  test("spells names of protocols in one way", () => {
    expect(parseAltSvc('w%3Dx%3Ay#z=":1"')).toEqual([value("w=x:y#z", undefined, 1)]);
    expect(parseAltSvc('x%25y=":1"')).toEqual([value("x%y", undefined, 1)]);
    expect(parseAltSvc('%FF%00=":1"')).toEqual([value("\xff\0", undefined, 1)]);
    for (const id of ["%68%32", "w%3dx", "a%", "a%2", "a%zz", "%21"]) {
      expect([id, parseAltSvc(`${id}=":1"`)]).toEqual([id, undefined]);
    }
  });

  test("lets empty elements be", () => {
    expect(parseAltSvc(', ,h2=":1" , ,h3=":2",')).toEqual([
      value("h2", undefined, 1),
      value("h3", undefined, 2),
    ]);
  });

  test("is ignored as a whole when anything in it is malformed", () => {
    for (const wrong of [
      "",
      " ",
      ",",
      "h2",
      "h2=",
      "h2=:443",
      'h2=""',
      'h2="443"',
      'h2=":"',
      'h2=":0"',
      'h2=":65536"',
      'h2=":+1"',
      'h2=":443',
      '="443"',
      'h 2=":443"',
      'h2 =":443"',
      'h2= ":443"',
      'h2=":443";',
      'h3=":443", h2=":443";',
      'h2=":443";ma',
      'h2=":443";ma=',
      'h2=":443";ma=-1',
      'h2=":443";ma=1.5',
      'h2=":443" ma=1',
      'h2=":443" h3=":443"',
      'h2=":443";ma=1 x',
      'h2="user@a.example:443"',
      'h2="a.example/x:443"',
      'h2="[::1:443"',
      'h2="[1.2.3.4]:443"',
      'h2="[fe80::1%25eth0]:443"',
      'h2="::1:443"',
      'h2="\x01:443"',
      'h2=":443", h3=broken',
      'h3=broken, h2=":443"',
    ]) {
      expect([wrong, parseAltSvc(wrong)]).toEqual([wrong, undefined]);
    }
  });

  test("is bounded in alternatives and length", () => {
    const many = Array.from({ length: 20 }, (_, at) => `h2=":${at + 1}"`).join(",");
    const read = parseAltSvc(many);
    expect(read).toHaveLength(8);
    expect((read as AltSvcValue[])[7]).toMatchObject({ port: 8 });
    const padded = (length: number) => 'h2=":1"'.padEnd(length, ",");
    expect([parseAltSvc(padded(8_192))?.length, parseAltSvc(padded(8_193))]).toEqual([
      1,
      undefined,
    ]);
  });

  test("reads what is written of alternatives, however it is spaced", () => {
    const tokenCharacter = /[!#$&'*+.^_`|~\dA-Za-z-]/;
    const protocol = fc.string({ unit: "binary-ascii", minLength: 1, maxLength: 8 });
    const encoded = (name: string) =>
      [...name]
        .map((each) =>
          tokenCharacter.test(each)
            ? each
            : `%${each.charCodeAt(0).toString(16).toUpperCase().padStart(2, "0")}`,
        )
        .join("");
    const space = fc.constantFrom("", " ", "\t", " \t ");
    const alternative = fc.record({
      protocol,
      host: fc.constantFrom(undefined, "a.example", "192.0.2.1", "2001:db8::1"),
      port: fc.integer({ min: 1, max: 65_535 }),
      maxAgeSeconds: fc.integer({ min: 0, max: 2 ** 31 }),
      persist: fc.boolean(),
    });
    const list = fc.array(alternative, { minLength: 1, maxLength: 8 });
    fc.assert(
      fc.property(list, space, space, fc.boolean(), (values, before, after, isQuoted) => {
        const written = values.map(({ protocol, host = "", port, maxAgeSeconds, persist }) => {
          const authority = host.includes(":") ? `[${host}]` : host;
          const age = isQuoted ? `"${maxAgeSeconds}"` : maxAgeSeconds;
          const parameters = [`ma=${age}`, ...(persist ? ["persist=1"] : [])];
          const main = `${encoded(protocol)}="${authority}:${port}"`;
          return [main, ...parameters].join(`${before};${after}`);
        });
        expect(parseAltSvc(written.join(`${before},${after}`))).toEqual(
          values.map((each) => ({ ...each, host: each.host })),
        );
      }),
      { numRuns },
    );
  });

  test("never brings anything but well-formed alternatives, whatever it is", () => {
    const pieces = fc.constantFrom(
      ...['h2=":443"', 'h3="a.example:1"', "clear", ";ma=1", ";persist=1", ",", ";", '"', "\\"],
      ...["=", " ", "%", "%25", "ma=", ":", "[::1]", "\t", "\x80", "\0"],
    );
    const field = fc.oneof(
      fc.array(pieces, { maxLength: 20 }).map((all) => all.join("")),
      fc.string({ unit: "binary" }),
    );
    fc.assert(
      fc.property(field, (text) => {
        const read = parseAltSvc(text);
        if (read === undefined || read === "clear") return;
        expect(read.length).toBeGreaterThan(0);
        for (const { protocol, host, port, maxAgeSeconds } of read) {
          expect(protocol.length).toBeGreaterThan(0);
          if (host !== undefined) expect(host).toMatch(/^[\w.~:-]+$/);
          expect(port > 0 && port < 65_536 && Number.isInteger(maxAgeSeconds)).toBe(true);
        }
      }),
      { numRuns },
    );
  });

  test("takes time in proportion to its length, whatever is in it", () => {
    const hostile = ["h2=", '"', 'h2="\\', ", ", "; ", 'h2=":1";a=', " \t", 'h2=":1"', "a%"];
    const sinceMs = performance.now();
    for (const piece of hostile) parseAltSvc(piece.repeat(8_192 / piece.length));
    expect(performance.now() - sinceMs).toBeLessThan(500);
  });
});

describe("what is remembered of alternatives", () => {
  const origin = originOf(new URL("https://a.example"));
  const known = () => {
    const clock = testClock();
    const cache = new AltSvcCache({ clock });
    const list = (of = origin) =>
      cache.alternatives(of).map(({ protocol, host, port }) => `${protocol} ${host}:${port}`);
    return { clock, cache, list };
  };

  test("is good for as long as it says, less its age", () => {
    const { clock, cache, list } = known();
    cache.learn(origin, 'h3=":443";ma=100, h2="b.example:1";ma=50', { ageSeconds: 10 });
    expect(list()).toEqual(["h3 a.example:443", "h2 b.example:1"]);
    expect(cache.alternatives(origin)).toEqual([
      { protocol: "h3", host: "a.example", port: 443, expiresAt: clock.now() + 90_000 },
      { protocol: "h2", host: "b.example", port: 1, expiresAt: clock.now() + 40_000 },
    ]);
    clock.advance(39_999);
    expect(list()).toHaveLength(2);
    clock.advance(1);
    expect(list()).toEqual(["h3 a.example:443"]);
    clock.advance(50_000);
    expect([list(), cache.size]).toEqual([[], 0]);
    cache.learn(origin, 'h3=":443";ma=10', { ageSeconds: 10 });
    expect([list(), cache.size]).toEqual([[], 0]);
  });

  test("is for a day by default", () => {
    const { clock, cache, list } = known();
    cache.learn(origin, 'h3=":443"');
    clock.advance(86_399_999);
    expect(list()).toHaveLength(1);
    clock.advance(1);
    expect(list()).toEqual([]);
  });

  test("is replaced by each field, gone with clear, and stays where a field is ignored", () => {
    const { cache, list } = known();
    cache.learn(origin, 'h3=":443"');
    cache.learn(origin, 'h2=":444"');
    expect(list()).toEqual(["h2 a.example:444"]);
    cache.learn(origin, "h2=broken");
    expect(list()).toEqual(["h2 a.example:444"]);
    cache.learn(origin, "clear");
    expect([list(), cache.size]).toEqual([[], 0]);
  });

  test("is of https: origins alone, each for itself", () => {
    const { cache, list } = known();
    const plain = originOf(new URL("http://a.example"));
    const other = originOf(new URL("https://a.example:8443"));
    cache.learn(plain, 'h3=":443"');
    cache.learn(origin, 'h3=":443"');
    expect([list(plain), list(), list(other)]).toEqual([[], ["h3 a.example:443"], []]);
  });

  test("is forgotten on another network unless it persists", () => {
    const { cache, list } = known();
    const other = originOf(new URL("https://b.example"));
    cache.learn(origin, 'h3=":443", h2=":444";persist=1');
    cache.learn(other, 'h3=":443"');
    cache.forget();
    expect([list(), list(other), cache.size]).toEqual([["h2 a.example:444"], [], 1]);
  });

  test("is of a thousand origins at most, the one not used for longest goes", () => {
    const { cache, list } = known();
    const nth = (at: number) => originOf(new URL(`https://a${at}.example`));
    for (let at = 0; at < 1_000; at++) cache.learn(nth(at), 'h3=":1"');
    expect(list(nth(0))).toHaveLength(1);
    cache.learn(nth(1_000), 'h3=":1"');
    expect([cache.size, list(nth(0)).length, list(nth(1)).length]).toEqual([1_000, 1, 0]);
    for (const maxOrigins of [0, 1.5, Number.POSITIVE_INFINITY, "9" as unknown as number]) {
      expect(() => new AltSvcCache({ clock: testClock(), maxOrigins })).toThrow(
        expect.objectContaining({ code: "KING_OPTION_INVALID" }),
      );
    }
  });
});
