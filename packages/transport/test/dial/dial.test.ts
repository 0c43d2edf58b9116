import { getEventListeners, once } from "node:events";
import { type AddressInfo, createServer, type Socket } from "node:net";
import { systemClock } from "@king-runtime/core";
import { watchResources, withDeadline } from "@king-runtime/testkit";
import { describe, expect, test } from "vitest";
import { AddressGuard } from "../../src/dial/address-guard.ts";
import { dial } from "../../src/dial/dial.ts";
import { dialHarness, systemError } from "./dial-harness.ts";

const one4 = "192.0.2.1";
const two4 = "192.0.2.2";
const one6 = "2001:db8::1";
const two6 = "2001:db8::2";

describe("resolving", () => {
  test("asks for both families at once, for IPv6 first", async () => {
    const net = dialHarness();
    net.dial();
    await net.settle();
    expect(net.asked).toEqual([6, 4]);
  });

  test("does not wait for IPv4 addresses when there are IPv6 ones", async () => {
    const net = dialHarness();
    const outcome = net.dial();
    net.lookups[6].resolve([one6]);
    await net.settle();
    expect(net.tried).toEqual([`${one6} at 0`]);
    net.attempt(one6).connect();
    expect(await outcome).toBe(net.attempt(one6).socket);
    expect(net.clock.pendingTimers).toBe(0);
  });

  test("waits 50 ms for IPv6 addresses when the IPv4 ones are there", async () => {
    const net = dialHarness();
    net.dial();
    net.lookups[4].resolve([one4]);
    await net.clock.advanceAsync(49);
    expect(net.tried).toEqual([]);
    await net.clock.advanceAsync(1);
    expect(net.tried).toEqual([`${one4} at 50`]);
  });

  test("prefers IPv6 addresses that come while it waits for them", async () => {
    const net = dialHarness();
    net.dial();
    net.lookups[4].resolve([one4]);
    await net.clock.advanceAsync(30);
    net.lookups[6].resolve([one6]);
    await net.clock.advanceAsync(250);
    expect(net.tried).toEqual([`${one6} at 30`, `${one4} at 280`]);
  });

  test("does not wait for IPv6 addresses once it is known that there are none", async () => {
    const net = dialHarness();
    net.dial();
    net.lookups[4].resolve([one4]);
    await net.clock.advanceAsync(10);
    net.lookups[6].resolve([]);
    await net.settle();
    expect(net.tried).toEqual([`${one4} at 10`]);
  });

  test("takes IPv6 addresses that come late into the race, next in turn", async () => {
    const net = dialHarness();
    net.dial();
    net.lookups[4].resolve([one4, two4]);
    await net.clock.advanceAsync(100);
    net.lookups[6].resolve([one6]);
    await net.clock.advanceAsync(1_000);
    expect(net.tried).toEqual([`${one4} at 50`, `${one6} at 300`, `${two4} at 550`]);
  });

  test("tries at once what comes after the delay of the attempt before is over", async () => {
    const net = dialHarness();
    net.dial();
    net.lookups[4].resolve([one4]);
    await net.clock.advanceAsync(700);
    net.lookups[6].resolve([one6]);
    await net.settle();
    expect(net.tried).toEqual([`${one4} at 50`, `${one6} at 700`]);
  });

  test("waits for the other family when all addresses of one have failed", async () => {
    const net = dialHarness();
    const outcome = net.dial();
    net.lookups[6].resolve([one6]);
    await net.settle();
    net.attempt(one6).refuse("ENETUNREACH");
    await net.clock.advanceAsync(100);
    net.lookups[4].resolve([one4]);
    await net.settle();
    expect(net.tried).toEqual([`${one6} at 0`, `${one4} at 100`]);
    net.attempt(one4).connect();
    expect(await outcome).toBe(net.attempt(one4).socket);
  });

  test.each([
    [6, 4],
    [4, 6],
  ] as const)(
    "does with one family when that of IPv%i cannot be resolved",
    async (broken, whole) => {
      const net = dialHarness();
      const outcome = net.dial();
      const address = whole === 4 ? one4 : one6;
      net.lookups[broken].reject(systemError("ENOTFOUND"));
      net.lookups[whole].resolve([address]);
      await net.settle();
      net.attempt(address).connect();
      expect(await outcome).toBe(net.attempt(address).socket);
    },
  );

  test("says that a name cannot be resolved", async () => {
    const net = dialHarness();
    const outcome = net.dial();
    net.lookups[6].reject(systemError("EAI_AGAIN"));
    net.lookups[4].reject(systemError("ENOTFOUND"));
    await expect(outcome).rejects.toMatchObject({
      code: "KING_NET_RESOLVE",
      details: { host: "host.example" },
      cause: { code: "EAI_AGAIN" },
    });
    expect(net.clock.pendingTimers).toBe(0);
  });

  test("says that a name has no address", async () => {
    const net = dialHarness();
    const outcome = net.dial();
    net.lookups[6].resolve([]);
    net.lookups[4].resolve([]);
    await expect(outcome).rejects.toMatchObject({ code: "KING_NET_RESOLVE" });
  });

  test("leaves out what is no address of the family that was asked for", async () => {
    const net = dialHarness();
    const outcome = net.dial();
    net.lookups[6].resolve([one4, "host.example", ""]);
    net.lookups[4].resolve([one6, "2130706433"]);
    await expect(outcome).rejects.toMatchObject({ code: "KING_NET_RESOLVE" });
    expect(net.tried).toEqual([]);
  });

  test.each([null, "192.0.2.1", 5])("refuses a resolver that gives %j", async (found) => {
    const net = dialHarness();
    const outcome = net.dial();
    for (const family of [4, 6] as const) {
      net.lookups[family].resolve(found as unknown as readonly string[]);
    }
    await expect(outcome).rejects.toMatchObject({
      code: "KING_NET_RESOLVE",
      cause: { code: "KING_OPTION_INVALID", message: expect.stringContaining("resolver") },
    });
    expect(net.clock.pendingTimers).toBe(0);
  });

  test("does not resolve addresses, and has no rivals to wait for", async () => {
    const net = dialHarness();
    const outcome = net.dial({}, "::1");
    await net.settle();
    expect(net.asked).toEqual([]);
    expect(net.clock.pendingTimers).toBe(1);
    net.attempt("::1").connect();
    expect(await outcome).toBe(net.attempt("::1").socket);
    expect(net.clock.pendingTimers).toBe(0);
  });
});

describe("the race", () => {
  async function race(addresses6: string[], addresses4: string[]) {
    const net = dialHarness();
    const outcome = net.dial();
    net.lookups[6].resolve(addresses6);
    net.lookups[4].resolve(addresses4);
    await net.settle();
    return { net, outcome };
  }

  test("goes through the families in turns, 250 ms apart", async () => {
    const { net } = await race([one6, two6, "2001:db8::3"], [one4]);
    await net.clock.advanceAsync(1_000);
    expect(net.tried).toEqual([
      `${one6} at 0`,
      `${one4} at 250`,
      `${two6} at 500`,
      "2001:db8::3 at 750",
    ]);
  });

  test("is won by IPv4 when IPv6 stalls, and the attempt that stalls is given up", async () => {
    const { net, outcome } = await race([one6], [one4]);
    await net.clock.advanceAsync(250);
    expect(net.attempt(one6).signal.aborted).toBe(false);
    net.attempt(one4).connect();
    expect(await outcome).toBe(net.attempt(one4).socket);
    expect(net.attempt(one6).signal.aborted).toBe(true);
    expect(net.clock.pendingTimers).toBe(0);
    net.attempt(one4).socket.destroy();
  });

  test("goes on at once when an attempt fails", async () => {
    const { net } = await race([one6, two6], [one4]);
    await net.clock.advanceAsync(20);
    net.attempt(one6).refuse();
    await net.settle();
    expect(net.tried).toEqual([`${one6} at 0`, `${one4} at 20`]);
    await net.clock.advanceAsync(250);
    expect(net.tried.at(-1)).toBe(`${two6} at 270`);
  });

  test("goes on when the attempt before the last one fails", async () => {
    const { net } = await race([one6, two6], [one4]);
    await net.clock.advanceAsync(250);
    await net.clock.advanceAsync(100);
    net.attempt(one6).refuse();
    await net.settle();
    expect(net.tried.at(-1)).toBe(`${two6} at 350`);
  });

  test("keeps its pace with a connector that throws", async () => {
    const net = dialHarness();
    const tried: string[] = [];
    const outcome = net.dial({
      connector(address) {
        tried.push(`${address} at ${net.clock.monotonic()}`);
        if (address.includes(":")) throw systemError("EPERM");
        return new Promise(() => undefined);
      },
    });
    net.lookups[6].resolve([one6, two6]);
    await net.settle();
    expect(tried).toEqual([`${one6} at 0`, `${two6} at 0`]);
    expect(net.clock.pendingTimers).toBe(1); // the deadline
    await net.clock.advanceAsync(100);
    net.lookups[4].resolve([one4, two4]);
    await net.clock.advanceAsync(249);
    expect(tried.slice(2)).toEqual([`${one4} at 100`]);
    await net.clock.advanceAsync(10_000);
    await expect(outcome).rejects.toMatchObject({ code: "KING_NET_TIMEOUT" });
  });

  test.each([undefined, {}])("refuses a connector that gives %j", async (given) => {
    const net = dialHarness();
    const outcome = net.dial({ connector: async () => given as unknown as Socket }, one4);
    await expect(outcome).rejects.toMatchObject({
      code: "KING_NET_CONNECT",
      cause: { code: "KING_OPTION_INVALID", message: expect.stringContaining("connector") },
    });
    expect(net.clock.pendingTimers).toBe(0);
  });

  test("destroys a connection that comes after it is won", async () => {
    const { net, outcome } = await race([one6], [one4]);
    await net.clock.advanceAsync(250);
    net.attempt(one4).connect();
    await outcome;
    net.attempt(one6).connect();
    await net.settle();
    expect(net.attempt(one6).socket.destroyed).toBe(true);
    expect(net.attempt(one4).socket.destroyed).toBe(false);
  });

  test("tries an address once", async () => {
    const { net } = await race([one6, one6], [one4, one4, one4]);
    await net.clock.advanceAsync(2_000);
    expect(net.tried).toEqual([`${one6} at 0`, `${one4} at 250`]);
  });

  test("is over after 16 addresses, of either family", async () => {
    const many = (prefix: string) => Array.from({ length: 100 }, (_, at) => `${prefix}${at + 1}`);
    const { net, outcome } = await race(many("2001:db8::"), many("192.0.2."));
    for (let at = 0; at < 16; at++) {
      net.attempts[at]?.refuse();
      await net.settle();
    }
    await expect(outcome).rejects.toMatchObject({ code: "KING_NET_CONNECT" });
    expect(net.attempts.map(({ address }) => address.includes(":"))).toEqual(
      Array.from({ length: 16 }, (_, at) => at % 2 === 0),
    );
  });

  test("says what each address answered when all have failed", async () => {
    const { net, outcome } = await race([one6], [one4]);
    net.attempt(one6).refuse("ENETUNREACH");
    await net.settle();
    net.attempt(one4).refuse();
    await expect(outcome).rejects.toMatchObject({
      code: "KING_NET_CONNECT",
      message: `host.example port 443: expected a connection, got ${one6} ENETUNREACH, ${one4} ECONNREFUSED`,
      retryable: true,
      details: {
        host: "host.example",
        port: 443,
        attempts: [
          { address: one6, code: "ENETUNREACH" },
          { address: one4, code: "ECONNREFUSED" },
        ],
      },
      cause: { errors: [{ code: "ENETUNREACH" }, { code: "ECONNREFUSED" }] },
    });
    expect(net.clock.pendingTimers).toBe(0);
  });
});

describe("giving up", () => {
  test("on a name that is not resolved in time", async () => {
    const net = dialHarness();
    const outcome = net.dial({ connectTimeoutMs: 300 });
    await net.clock.advanceAsync(300);
    await expect(outcome).rejects.toMatchObject({
      code: "KING_NET_TIMEOUT",
      details: { phase: "resolve", timeoutMs: 300 },
    });
    expect(net.clock.pendingTimers).toBe(0);
  });

  test("on addresses that all stall", async () => {
    const net = dialHarness();
    const outcome = net.dial({ connectTimeoutMs: 300 });
    net.lookups[6].resolve([one6]);
    net.lookups[4].resolve([one4]);
    await net.clock.advanceAsync(300);
    await expect(outcome).rejects.toMatchObject({
      code: "KING_NET_TIMEOUT",
      details: { phase: "connect", timeoutMs: 300 },
    });
    expect(net.attempts.map(({ signal }) => signal.aborted)).toEqual([true, true]);
    net.attempt(one4).connect();
    await net.settle();
    expect(net.attempt(one4).socket.destroyed).toBe(true);
    expect(net.clock.pendingTimers).toBe(0);
  });

  test.each(["while it resolves", "while it connects"])(
    "with the reason of its signal, %s",
    async (when) => {
      const net = dialHarness();
      const cancel = new AbortController();
      const outcome = net.dial({ signal: cancel.signal });
      if (when === "while it connects") net.lookups[6].resolve([one6]);
      await net.settle();
      const reason = new Error("no longer wanted");
      cancel.abort(reason);
      await expect(outcome).rejects.toBe(reason);
      expect(net.attempts.every(({ signal }) => signal.aborted)).toBe(true);
      net.lookups[4].resolve([one4]);
      await net.settle();
      expect(net.attempts.length).toBe(when === "while it connects" ? 1 : 0);
      expect(net.clock.pendingTimers).toBe(0);
    },
  );

  test("before anything, when its signal has aborted already", async () => {
    const net = dialHarness();
    const reason = new Error("not wanted");
    await expect(net.dial({ signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
    expect(net.asked).toEqual([]);
  });

  test.each([0, 65_536, 1.5, Number.NaN])("on port %d", async (port) => {
    const { clock } = dialHarness();
    await expect(dial("127.0.0.1", port, { clock, connectTimeoutMs: 1_000 })).rejects.toMatchObject(
      {
        code: "KING_OPTION_INVALID",
        details: { option: "port" },
      },
    );
  });

  test("on a delay between attempts that would be a flood", async () => {
    await expect(dialHarness().dial({ attemptDelayMs: 9 })).rejects.toMatchObject({
      code: "KING_OPTION_INVALID",
      details: { option: "attemptDelayMs" },
    });
  });
});

describe("with a guard", () => {
  test("tries none but the addresses that it lets pass", async () => {
    const net = dialHarness();
    net.dial({ guard: new AddressGuard() });
    net.lookups[6].resolve(["::1", "2606:4700::1"]);
    net.lookups[4].resolve(["127.0.0.1", "10.0.0.1", "8.8.8.8"]);
    await net.clock.advanceAsync(2_000);
    expect(net.tried).toEqual(["2606:4700::1 at 0", "8.8.8.8 at 250"]);
  });

  test("refuses a name of which it lets no address pass", async () => {
    const net = dialHarness();
    const outcome = net.dial({ guard: new AddressGuard() });
    net.lookups[6].resolve(["::ffff:127.0.0.1"]);
    net.lookups[4].resolve(["169.254.169.254"]);
    await expect(outcome).rejects.toMatchObject({ code: "KING_NET_FORBIDDEN" });
    expect(net.tried).toEqual([]);
    expect(net.clock.pendingTimers).toBe(0);
  });

  test("does not even resolve a name that it forbids", async () => {
    const net = dialHarness();
    const guard = new AddressGuard({ allowHosts: ["other.example"] });
    await expect(net.dial({ guard })).rejects.toMatchObject({ code: "KING_NET_FORBIDDEN" });
    expect(net.asked).toEqual([]);
  });

  test("refuses an address", async () => {
    const net = dialHarness();
    const outcome = net.dial({ guard: new AddressGuard() }, "127.0.0.1");
    await expect(outcome).rejects.toMatchObject({
      code: "KING_NET_FORBIDDEN",
      details: { host: "127.0.0.1", address: "127.0.0.1" },
    });
  });
});

describe("over the network", () => {
  const both = {
    resolve: async (_: string, family: 4 | 6) => [family === 6 ? "::1" : "127.0.0.1"],
  };

  test.each([
    ["::1", "IPv6"],
    ["127.0.0.1", "IPv4"],
  ])("connects to a name that is served on %s alone", async (address, family) => {
    const server = createServer().listen(0, address);
    await once(server, "listening");
    const { port } = server.address() as AddressInfo;
    const accepted = once(server, "connection");
    const socket = await dial("both.example", port, {
      clock: systemClock,
      connectTimeoutMs: 5_000,
      resolver: both,
    });
    expect([socket.remoteAddress, socket.remoteFamily]).toEqual([address, family]);
    const [peer] = await withDeadline(accepted, "the connection");
    socket.destroy();
    peer.destroy();
    server.close();
  });

  test("resolves as the system does", async () => {
    const server = createServer((socket) => socket.end()).listen(0, "127.0.0.1");
    await once(server, "listening");
    const { port } = server.address() as AddressInfo;
    const socket = await dial("localhost", port, { clock: systemClock, connectTimeoutMs: 5_000 });
    expect(socket.remoteAddress).toBe("127.0.0.1");
    socket.destroy();
    server.close();
  });

  test("leaves nothing behind when it fails, succeeds or is given up", async () => {
    const resources = watchResources();
    const server = createServer((socket) => socket.on("error", () => undefined).resume()).listen(
      0,
      "127.0.0.1",
    );
    await once(server, "listening");
    const { port } = server.address() as AddressInfo;
    const options = { clock: systemClock, connectTimeoutMs: 5_000, resolver: both };
    const cancel = new AbortController();
    const { signal } = cancel;
    (await dial("both.example", port, { ...options, signal })).destroy();
    expect(getEventListeners(signal, "abort")).toEqual([]);
    const cancelled = dial("127.0.0.1", port, { ...options, signal });
    cancel.abort();
    await expect(cancelled).rejects.toBe(signal.reason);
    expect(getEventListeners(signal, "abort")).toEqual([]);
    server.close();
    await once(server, "close");
    await expect(dial("both.example", port, options)).rejects.toMatchObject({
      code: "KING_NET_CONNECT",
      details: { attempts: [{ address: "::1" }, { address: "127.0.0.1", code: "ECONNREFUSED" }] },
    });
    await resources.settled();
  });
});
