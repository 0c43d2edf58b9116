import { createServer } from "node:http";
import { type AddressInfo, connect, type Socket } from "node:net";
import { withDeadline } from "@king-runtime/testkit";
import { describe, expect, test } from "vitest";
import { request } from "../../src/index.ts";
import { asking, carriers, type Serve, startPeer } from "./carriers.ts";

/** A proxy of node's own that makes tunnels, or refuses with `status`. */
async function startProxy(status = 200) {
  const asked: { readonly target: string; readonly authorization: string | undefined }[] = [];
  const sockets = new Set<Socket>();
  const server = createServer((_, response) => response.writeHead(405).end());
  server.on("connection", (socket) => {
    sockets.add(socket);
    socket.once("close", () => sockets.delete(socket));
  });
  server.on("connect", ({ url = "", headers }, socket, head) => {
    asked.push({ target: url, authorization: headers["proxy-authorization"] });
    socket.on("error", () => undefined);
    if (status !== 200) {
      socket.end(`HTTP/1.1 ${status} No\r\ncontent-length: 0\r\n\r\n`);
      return;
    }
    const upstream = connect(Number(url.split(":").at(-1)), "127.0.0.1", () => {
      socket.write("HTTP/1.1 200 OK\r\n\r\n");
      upstream.write(head);
      upstream.pipe(socket).pipe(upstream);
    });
    upstream.on("error", () => socket.destroy());
    socket.once("close", () => upstream.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return {
    port,
    asked,
    sockets,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}

const ok: Serve = (incoming, outgoing) => {
  outgoing.end(String(incoming.headers["proxy-authorization"]));
};

describe.each(carriers)("$name, through a proxy", (carrier) => {
  const { protocol, tls } = carrier;

  test("makes a tunnel with its credentials, which the server never sees", async () => {
    await using proxy = await startProxy();
    await using peer = await startPeer(ok, { protocol, tls });
    const url = `http://user:s%40cret@127.0.0.1:${proxy.port}`;
    await using asks = await asking(carrier, peer, { proxy: { url } });
    expect(await (await asks.ask("/")).text()).toBe("undefined");
    const authorization = `Basic ${Buffer.from("user:s@cret").toString("base64")}`;
    expect(proxy.asked).toEqual([{ target: `127.0.0.1:${peer.port}`, authorization }]);
    expect(peer.connections).toBe(1);
  });

  test.each([403, 407, 502])("tells of a refusal with %i (KING_NET_PROXY)", async (status) => {
    await using proxy = await startProxy(status);
    await using peer = await startPeer(ok, { protocol, tls });
    const url = `http://user:s%40cret@127.0.0.1:${proxy.port}`;
    const asked = (async () => {
      await using asks = await asking(carrier, peer, { proxy: { url } });
      return await asks.ask("/");
    })();
    const error = await asked.catch((reason) => reason);
    expect(error).toMatchObject({ code: "KING_NET_PROXY", details: { status } });
    expect(`${error.message}${JSON.stringify(error.details)}`).not.toMatch(/s@cret|s%40cret/);
    expect(peer.connections).toBe(0);
    await expect.poll(() => proxy.sockets.size).toBe(0);
  });
});

test("a proxy that nobody runs is told of as the place that cannot be reached", async () => {
  const proxy = await startProxy();
  await proxy[Symbol.asyncDispose]();
  const asked = request("http://127.0.0.1:9/", {
    proxy: { url: `http://127.0.0.1:${proxy.port}` },
  });
  await expect(withDeadline(asked, "a refusal")).rejects.toMatchObject({
    code: "KING_NET_CONNECT",
    details: { port: proxy.port },
  });
});
