import { once } from "node:events";
import { connect } from "node:net";
import { describe, expect, test } from "vitest";
import {
  createHttpClient,
  openHttpSession,
  type RequestOptions,
  request,
} from "../../src/index.ts";
import { countingServer, rawServer } from "./counting-server.ts";

type Guarded = Pick<RequestOptions, "allowHosts" | "privateAddresses" | "resolver" | "connector">;

/** All three ways to an origin; each with its outcome. */
async function outcomes(origin: string, options: Guarded): Promise<unknown[]> {
  await using client = createHttpClient(options);
  const each = [
    async () => (await request(origin, options)).text(),
    async () => (await client.request(origin)).text(),
    async () => {
      await using session = await openHttpSession(origin, options);
      return await (await (await session.request()).response).text();
    },
  ];
  const all: unknown[] = [];
  for (const run of each) all.push(await run().catch((error) => error.code));
  return all;
}

const forbidden = Array(3).fill("KING_NET_FORBIDDEN");

const resolving = (...addresses: string[]) => ({
  resolve: async (_: string, family: number) =>
    addresses.filter((each) => each.includes(":") === (family === 6)),
});

describe("privateAddresses: refuse keeps connections from", () => {
  test.each([
    "127.0.0.1",
    "localhost",
    "127.1",
    "0x7f.1",
    "2130706433",
    "0177.0.0.1",
    "[::1]",
    "[::ffff:127.0.0.1]",
    "0.0.0.0",
  ])("%s", async (host) => {
    await using server = await rawServer((socket) => socket.resume());
    const origin = `http://${host}:${server.port}`;
    expect(await outcomes(origin, { privateAddresses: "refuse" })).toEqual(forbidden);
    expect(server.connections).toBe(0);
  });

  test("names that lead there", async () => {
    await using server = await rawServer((socket) => socket.resume());
    const origin = `http://name.example:${server.port}`;
    for (const address of ["127.0.0.1", "10.0.0.1", "169.254.169.254", "::1", "fd00::1"]) {
      const options = { privateAddresses: "refuse", resolver: resolving(address) } as const;
      expect(await outcomes(origin, options)).toEqual(forbidden);
    }
    expect(server.connections).toBe(0);
  });

  test("names that lead there from the second look on", async () => {
    await using server = await countingServer();
    let looks = 0;
    const tried: string[] = [];
    const options = {
      privateAddresses: "refuse",
      resolver: {
        // The first look is for both families.
        resolve: async (_: string, family: number) =>
          family === 6 ? [] : ++looks === 1 ? ["93.184.216.34"] : ["127.0.0.1"],
      },
      async connector(address: string) {
        tried.push(address);
        const socket = connect({ host: "127.0.0.1", port: Number(new URL(server.url).port) });
        await once(socket, "connect");
        return socket;
      },
    } as const;
    const url = server.url.replace("127.0.0.1", "name.example");
    expect(await (await request(url, options)).text()).toBe("");
    await expect(request(url, options)).rejects.toMatchObject({ code: "KING_NET_FORBIDDEN" });
    expect(tried).toEqual(["93.184.216.34"]);
  });
});

describe("allowHosts", () => {
  test("lets connections to what it names, and to nothing else", async () => {
    await using server = await countingServer();
    const { port } = new URL(server.url);
    const resolver = resolving("127.0.0.1");
    const allowHosts = ["good.example", "*.below.example", "127.0.0.0/8"];
    for (const host of ["good.example", "a.below.example", "127.0.0.1", "127.1"]) {
      expect(await outcomes(`http://${host}:${port}`, { allowHosts, resolver })).toEqual([
        "",
        "",
        "",
      ]);
    }
    const before = server.connections;
    for (const host of ["bad.example", "below.example", "good.example.evil.example", "[::1]"]) {
      expect(await outcomes(`http://${host}:${port}`, { allowHosts, resolver })).toEqual(forbidden);
    }
    expect(server.connections).toBe(before);
  });
});
