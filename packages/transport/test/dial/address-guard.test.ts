import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { AddressGuard, type AddressGuardOptions } from "../../src/dial/address-guard.ts";

const passes = (check: () => void): boolean => {
  try {
    check();
    return true;
  } catch (error) {
    expect(error).toMatchObject({ code: "KING_NET_FORBIDDEN" });
    return false;
  }
};

const isReachable = (address: string) =>
  passes(() => new AddressGuard().checkAddress("host.example", address));

describe("an address", () => {
  test.each([
    ["0.0.0.0", "0.255.255.255"],
    ["10.0.0.0", "10.255.255.255"],
    ["100.64.0.0", "100.127.255.255"],
    ["127.0.0.0", "127.255.255.255"],
    ["169.254.0.0", "169.254.255.255"],
    ["172.16.0.0", "172.31.255.255"],
    ["192.0.0.0", "192.0.0.255"],
    ["192.0.2.0", "192.0.2.255"],
    ["192.88.99.0", "192.88.99.255"],
    ["192.168.0.0", "192.168.255.255"],
    ["198.18.0.0", "198.19.255.255"],
    ["198.51.100.0", "198.51.100.255"],
    ["203.0.113.0", "203.0.113.255"],
    ["224.0.0.0", "255.255.255.255"],
  ])("from %s to %s is refused, however it is written", (first, last) => {
    for (const address of [first, last]) {
      for (const form of [address, `::ffff:${address}`, `64:ff9b::${address}`, `::${address}`]) {
        expect([form, isReachable(form)]).toEqual([form, false]);
      }
    }
  });

  test.each([
    "::",
    "::1",
    "0:0:0:0:0:0:0:1",
    "::ffff:7f00:1",
    "0:0:0:0:0:FFFF:127.0.0.1",
    "64:ff9b::7f00:1",
    "64:ff9b:1::1",
    "64:ff9b:1::808:808",
    "100::1",
    "100:0:0:1::1",
    "2001::1",
    "2001:1ff:ffff::1",
    "2001:db8::1",
    "2002:7f00:1::",
    "2002:808:808::1",
    "3fff::1",
    "3fff:fff:ffff::1",
    "5f00::1",
    "fc00::1",
    "fdff:ffff::1",
    "fe80::1",
    "fe80::1%eth0",
    "febf::1",
    "fec0::1",
    "ff02::1",
    "4000::1",
    "1::1",
  ])("%s is refused", (address) => {
    expect(isReachable(address)).toBe(false);
  });

  test.each([
    "1.1.1.1",
    "9.255.255.255",
    "11.0.0.0",
    "100.63.255.255",
    "100.128.0.0",
    "126.255.255.255",
    "128.0.0.0",
    "169.253.255.255",
    "172.15.255.255",
    "172.32.0.0",
    "192.0.1.0",
    "192.169.0.0",
    "198.17.255.255",
    "198.20.0.0",
    "223.255.255.255",
    "::ffff:8.8.8.8",
    "64:ff9b::8.8.8.8",
    "64:ff9b::808:808",
    "2001:200::1",
    "2001:4860:4860::8888",
    "2606:4700::1111",
    "2a00:1450::1",
    "3ffe::1",
    "3fff:1000::1",
  ])("%s is reachable by everybody", (address) => {
    expect(isReachable(address)).toBe(true);
  });

  test.each(["localhost", "0x7f.1", "2130706433", "010.0.0.1", "127.1", "", "[::1]", "8.8.8.8 "])(
    "has to be one, and %j is none",
    (text) => {
      expect(isReachable(text)).toBe(false);
    },
  );

  test("is let through wherever it leads when private ones are", () => {
    const guard = new AddressGuard({ privateAddresses: "allow" });
    expect(
      ["::1", "10.0.0.1", "8.8.8.8"].filter((each) => passes(() => guard.checkAddress("a", each))),
    ).toHaveLength(3);
  });

  test("is let through when it is listed, in any form", () => {
    const guard = new AddressGuard({ allowHosts: ["10.1.0.0/16", "::1"] });
    const tried = ["10.1.2.3", "::ffff:10.1.2.3", "::1", "10.2.0.1", "127.0.0.1"];
    expect(tried.filter((each) => passes(() => guard.checkAddress("a", each)))).toEqual(
      tried.slice(0, 3),
    );
  });

  test("is refused in each IPv6 form just as in that of IPv4", () => {
    const numRuns = Number(process.env["KING_FUZZ_RUNS"] ?? 200);
    const hex = (high: number, low: number) => ((high << 8) | low).toString(16);
    fc.assert(
      fc.property(fc.ipV4(), (ipv4) => {
        const [a = 0, b = 0, c = 0, d = 0] = ipv4.split(".").map(Number);
        const tail = `${hex(a, b)}:${hex(c, d)}`;
        const forms = [
          `::ffff:${ipv4}`,
          `::ffff:${tail}`,
          `0:0:0:0:0:ffff:${tail}`,
          `64:ff9b::${tail}`,
        ];
        const expected = isReachable(ipv4);
        expect(forms.map(isReachable)).toEqual(forms.map(() => expected));
      }),
      { numRuns },
    );
  });

  test("of IPv6 is refused outside of global unicast", () => {
    const numRuns = Number(process.env["KING_FUZZ_RUNS"] ?? 200);
    fc.assert(
      fc.property(fc.ipV6(), (address) => {
        const first = Number.parseInt(
          new URL(`http://[${address}]`).hostname.slice(1).split(":")[0] || "0",
          16,
        );
        fc.pre(first < 0x2000 || first > 0x3fff);
        fc.pre(first !== 0x64 && first !== 0);
        expect(isReachable(address)).toBe(false);
      }),
      { numRuns },
    );
  });
});

describe("a host", () => {
  const mayReach = (options: AddressGuardOptions, host: string) =>
    passes(() => new AddressGuard(options).checkHost(host));

  test.each([
    "example.com",
    "EXAMPLE.com.",
    "a_b.example",
    "bücher.example",
    "8.8.8.8",
    "[2606:4700::1]",
  ])("%s is fine as long as nothing is listed", (host) => {
    expect(mayReach({}, host)).toBe(true);
  });

  test.each([
    "127.0.0.1",
    "::1",
    "[::1]",
    "fe80::1%eth0",
    "127.1",
    "0x7f.1",
    "0x7f000001",
    "2130706433",
    "017700000001",
    "0177.0.0.1",
    "127.0.0.1.",
    "１２７.0.0.1",
    "127。0。0。1",
    "::ffff:127.0.0.1",
    "[::ffff:7f00:1]",
  ])("%s is refused for the address that it is", (host) => {
    expect(mayReach({}, host)).toBe(false);
    expect(mayReach({ privateAddresses: "allow" }, host)).toBe(true);
  });

  test.each([
    "",
    " ",
    ".",
    "a b",
    "a@b",
    "a/b",
    "a?b",
    "a#b",
    "a:1",
    "a\\b",
    "%61",
    "[a]",
    "[",
    "a\n",
    "a\0",
    "1.2.3.4.5",
  ])("%j is refused, for it is none", (host) => {
    expect(mayReach({ privateAddresses: "allow" }, host)).toBe(false);
  });

  test.each([
    ["api.example.com", true],
    ["API.Example.COM.", true],
    ["www.partner.example", true],
    ["a.b.partner.example", true],
    ["partner.example", false],
    ["notpartner.example", false],
    ["www.partner.example.evil.example", false],
    ["api.example.com.evil.example", false],
    ["example.com", false],
    ["xn--bcher-kva.example", true],
    ["bücher.example", true],
    ["10.1.2.3", true],
    ["0xa.1.2.3", true],
    ["::ffff:10.1.2.3", true],
    ["10.2.0.0", false],
    ["8.8.8.8", false],
    ["[2606:4700::1]", true],
  ])("%s has to be listed, when there is a list: %s", (host, expected) => {
    const allowHosts = [
      "api.example.com",
      "*.Partner.example.",
      "xn--bcher-kva.example",
      "10.1.0.0/16",
      "2606:4700::/32",
    ];
    expect(mayReach({ allowHosts }, host)).toBe(expected);
  });

  test("may be none when the list is empty", () => {
    expect(mayReach({ allowHosts: [] }, "example.com")).toBe(false);
    expect(mayReach({ allowHosts: [] }, "8.8.8.8")).toBe(false);
  });

  test("that is listed by name still has to lead to addresses that are fine", () => {
    const guard = new AddressGuard({ allowHosts: ["db.example"] });
    guard.checkHost("db.example");
    expect(passes(() => guard.checkAddress("db.example", "10.0.0.1"))).toBe(false);
  });

  test("that is refused is named in the error, and the address, too", () => {
    const guard = new AddressGuard();
    expect(() => guard.checkAddress("db.example", "10.0.0.1")).toThrow(
      "db.example may not be connected to: 10.0.0.1 is not globally reachable",
    );
  });
});

describe("options", () => {
  test.each([
    [{ allowHosts: ["a b"] }, "allowHosts"],
    [{ allowHosts: ["*"] }, "allowHosts"],
    [{ allowHosts: ["a.*.example"] }, "allowHosts"],
    [{ allowHosts: ["https://a.example"] }, "allowHosts"],
    [{ allowHosts: ["10.0.0.0/33"] }, "allowHosts"],
    [{ allowHosts: ["127.1"] }, "allowHosts"],
    [{ allowHosts: ["bücher.example"] }, "allowHosts"],
    [{ allowHosts: [""] }, "allowHosts"],
    [{ allowHosts: "a.example" }, "allowHosts"],
    [{ privateAddresses: true }, "privateAddresses"],
    [{ allowhosts: [] }, "allowhosts"],
  ])("%j are refused", (options, option) => {
    expect(() => new AddressGuard(options as AddressGuardOptions)).toThrow(
      expect.objectContaining({ code: "KING_OPTION_INVALID", details: { option } }),
    );
  });
});
