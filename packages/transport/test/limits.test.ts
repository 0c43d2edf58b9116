import { connect } from "node:http2";
import { connectRaw, eventually } from "@king-runtime/testkit";
import { describe, expect, test } from "vitest";
import { type ListenHttpOptions, listenHttp } from "../src/index.ts";

const handler: ListenHttpOptions["handler"] = (exchange) => exchange.respond(200, {}, "ok");

async function over(listener: { local: { port: number } }, head: string): Promise<string> {
  await using socket = await connectRaw({ port: listener.local.port });
  await socket.write(`${head}\r\nConnection: close\r\n\r\n`);
  return (await socket.readToEnd()).toString().slice(0, 12);
}

async function overHttp2(listener: { local: { port: number } }, headers: Record<string, string>) {
  const session = connect(`http://127.0.0.1:${listener.local.port}`);
  const stream = session.request(headers);
  const status = await new Promise((resolve, reject) => {
    stream.on("response", (head) => resolve(head[":status"]));
    stream.on("error", reject);
  });
  session.destroy();
  return status;
}

describe("maxUrlBytes", () => {
  test("longer targets are 414 on both protocols, as long ones are served", async () => {
    await using listener = await listenHttp({ handler, maxUrlBytes: 64 });
    const path = (length: number) => `/${"x".repeat(length - 1)}`;
    expect(await over(listener, `GET ${path(64)} HTTP/1.1\r\nHost: a`)).toBe("HTTP/1.1 200");
    expect(await over(listener, `GET ${path(65)} HTTP/1.1\r\nHost: a`)).toBe("HTTP/1.1 414");
    expect(await overHttp2(listener, { ":path": path(64) })).toBe(200);
    expect(await overHttp2(listener, { ":path": path(65) })).toBe(414);
  });
});

describe("maxHeaderCount", () => {
  const fields = (count: number) => Array.from({ length: count }, (_, i) => `x-${i}`);

  test("more fields are 431 on both protocols, as many are served", async () => {
    await using listener = await listenHttp({ handler, maxHeaderCount: 16 });
    const head = (count: number) =>
      `GET / HTTP/1.1\r\nHost: a\r\n${fields(count)
        .map((name) => `${name}: 1`)
        .join("\r\n")}`;
    // Host and Connection are two more.
    expect(await over(listener, head(14))).toBe("HTTP/1.1 200");
    expect(await over(listener, head(15))).toBe("HTTP/1.1 431");
    expect(await over(listener, head(1_000))).toBe("HTTP/1.1 431");
    const named = (count: number) => Object.fromEntries(fields(count).map((name) => [name, "1"]));
    expect(await overHttp2(listener, named(16))).toBe(200);
    expect(await overHttp2(listener, named(17))).toBe(431);
    await using wide = await listenHttp({ handler, maxHeaderCount: 500 });
    expect(await overHttp2(wide, named(500))).toBe(200);
    expect(await overHttp2(wide, named(501))).toBe(431);
  });
});

describe("maxRequestsPerSession", () => {
  test("the last response over HTTP/1.1 says that the connection ends, and it does", async () => {
    let served = 0;
    await using listener = await listenHttp({
      maxRequestsPerSession: 3,
      handler(exchange) {
        served++;
        exchange.respond(200, {}, "ok");
      },
    });
    for (const isPipelined of [false, true]) {
      served = 0;
      await using socket = await connectRaw({ port: listener.local.port });
      const one = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
      if (isPipelined) await socket.write(one.repeat(5));
      let text = "";
      for (let i = 0; i < 3; i++) {
        if (!isPipelined) await socket.write(one);
        text += await socket.readUntil("ok");
      }
      expect(text.match(/^connection: .*/gim)).toEqual([
        "Connection: keep-alive",
        "Connection: keep-alive",
        "Connection: close",
      ]);
      expect((await socket.readToEnd()).length).toBe(0);
      expect(served).toBe(3);
    }
  });

  test("over HTTP/2 the last request is answered, and GOAWAY sends further ones elsewhere", async () => {
    await using listener = await listenHttp({ handler, maxRequestsPerSession: 2 });
    const session = connect(`http://127.0.0.1:${listener.local.port}`);
    const goaway = new Promise((resolve) => session.once("goaway", resolve));
    const statuses = await Promise.all(
      [1, 2].map(
        () =>
          new Promise((resolve) =>
            session
              .request({ ":path": "/" })
              .on("response", (head) => resolve(head[":status"]))
              .resume(),
          ),
      ),
    );
    expect(statuses).toEqual([200, 200]);
    expect(await goaway).toBe(0);
    await eventually("the end of the session", () => session.destroyed);
  });
});

test("reusePort shares the port between listeners, and connections are spread", async () => {
  const names = new Set<string>();
  const named = (name: string): ListenHttpOptions["handler"] => {
    return (exchange) => exchange.respond(200, {}, name);
  };
  await using one = await listenHttp({ handler: named("one"), reusePort: true });
  const { port } = one.local;
  await using _two = await listenHttp({ handler: named("two"), reusePort: true, port });
  await eventually("answers of both", async () => {
    const response = await fetch(`http://127.0.0.1:${port}`, { headers: { connection: "close" } });
    names.add(await response.text());
    return names.size === 2;
  });
  await expect(listenHttp({ handler, port })).rejects.toMatchObject({ code: "KING_HTTP_LISTEN" });
});

test("no further connection waits for a listener than backlog allows", async () => {
  // What the kernel queues cannot be seen from here; that the number arrives there can.
  const { Server } = await import("node:net");
  const seen: unknown[] = [];
  const { listen } = Server.prototype;
  const watched = function (this: object, ...args: unknown[]) {
    seen.push((args[0] as { backlog?: number }).backlog);
    return Reflect.apply(listen, this, args);
  };
  Server.prototype.listen = watched as typeof listen;
  try {
    await using _listener = await listenHttp({ handler, backlog: 7 });
  } finally {
    Server.prototype.listen = listen;
  }
  expect(seen).toEqual([7]);
});
