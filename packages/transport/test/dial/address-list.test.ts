import { describe, expect, it } from "vitest";
import { AddressList } from "../../src/address-list.ts";

describe("a list of addresses", () => {
  const list = new AddressList("allow", [
    "10.0.0.0/8",
    "192.0.2.7",
    "2001:db8::/32",
    "::1",
    "::ffff:198.51.100.0/120",
  ]);

  it.each([
    ["10.255.1.2", true],
    ["11.0.0.0", false],
    ["192.0.2.7", true],
    ["192.0.2.8", false],
    ["2001:db8:ffff::1", true],
    ["2001:db9::1", false],
    ["::1", true],
    ["0:0:0:0:0:0:0:1", true],
    ["::ffff:10.1.2.3", true],
    ["::ffff:a01:203", true],
    ["0:0:0:0:0:FFFF:10.1.2.3", true],
    ["::ffff:11.1.2.3", false],
    ["198.51.100.200", true],
    ["::ffff:198.51.100.200", true],
    ["::10.1.2.3", false],
    ["2001:db8::1%eth0", true],
    ["010.1.2.3", false],
    ["10.1", false],
    ["localhost", false],
    ["", false],
  ])("knows whether %s is in it", (address, expected) => {
    expect(list.includes(address)).toBe(expected);
  });

  it("does not take all of IPv6 for all of IPv4, nor the other way round", () => {
    const ipv6 = new AddressList("allow", ["::/0"]);
    expect(["::1", "10.0.0.1", "::ffff:10.0.0.1"].map((each) => ipv6.includes(each))).toEqual([
      true,
      false,
      false,
    ]);
    const ipv4 = new AddressList("allow", ["0.0.0.0/0"]);
    expect(["::1", "10.0.0.1", "::ffff:10.0.0.1"].map((each) => ipv4.includes(each))).toEqual([
      false,
      true,
      true,
    ]);
  });

  it("knows whether it is empty", () => {
    expect([new AddressList("allow", []).isEmpty, list.isEmpty]).toEqual([true, false]);
  });

  it.each([
    "10.0.0.0/33",
    "::/129",
    "10.0.0.0/",
    "10.0.0.0/8/8",
    "10.0.0.0/-1",
    "10.0.0",
    "fe80::1%eth0",
    "fe80::%eth0/64",
    "localhost",
    "",
  ])("refuses %s, and says in which option", (entry) => {
    expect(() => new AddressList("allow", [entry])).toThrow(/^allow: expected IP addresses/);
  });
});
