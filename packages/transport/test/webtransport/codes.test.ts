import fc from "fast-check";
import { expect, test } from "vitest";
import { fromHttp3Code, toHttp3Code } from "../../src/webtransport/codes.ts";

test.each([
  [0, 0x52e4a40fa8db],
  [1, 0x52e4a40fa8dc],
  [0x1d, 0x52e4a40fa8f8],
  [0x1e, 0x52e4a40fa8fa],
  [0xffff_ffff, 0x52e5ac983162],
])("the code %i of a stream is %i of HTTP/3", (code, http3Code) => {
  expect(toHttp3Code(code)).toBe(http3Code);
  expect(fromHttp3Code(http3Code)).toBe(code);
});

test.each([0, 0x10c, 0x52e4a40fa8da, 0x52e4a40fa8f9, 0x52e5ac983163, Number.POSITIVE_INFINITY])(
  "the code %i of HTTP/3 is none of a stream",
  (http3Code) => {
    expect(fromHttp3Code(http3Code)).toBeUndefined();
  },
);

test("codes come back, and none is one that HTTP/3 has left for nothing", () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 0xffff_ffff }), (code) => {
      const http3Code = toHttp3Code(code);
      expect(fromHttp3Code(http3Code)).toBe(code);
      expect((http3Code - 0x21) % 0x1f).not.toBe(0);
    }),
  );
});
