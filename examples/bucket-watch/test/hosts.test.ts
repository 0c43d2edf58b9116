import { connectRaw } from "@king-runtime/testkit";
import { expect, test } from "vitest";
import { type StartedServer, startServer } from "./started-server.ts";

/** Sends a request that names `host`; the status line and what follows. */
async function ask({ listener }: StartedServer, host: string, line: string, fields = "") {
  await using socket = await connectRaw({ port: listener.local.port });
  await socket.write(
    `${line} HTTP/1.1\r\nhost: ${host}\r\nconnection: close\r\n${fields}content-length: 0\r\n\r\n`,
  );
  const answer = (await socket.readToEnd()).toString();
  return { status: Number(answer.split(" ")[1]), answer };
}

test.each([["GET /"], ["GET /watch"], ["GET /objects/inbox"], ["POST /upload"]])(
  "on loopback, %s for another host is refused: a name may be made to point here",
  async (line) => {
    const server = await startServer();
    for (const host of [
      "evil.example",
      `evil.example:${server.listener.local.port}`,
      "localhost.evil.example",
      "127.0.0.1.evil.example",
      "192.0.2.1",
      "[2001:db8::1]",
    ]) {
      const { status, answer } = await ask(server, host, line);
      expect([host, status]).toEqual([host, 421]);
      expect(answer).toMatch(/content-type: application\/problem\+json/i);
    }
    // What is no host at all, the listener refuses by itself.
    expect((await ask(server, "localhost@evil.example", line)).status).toBe(400);
    expect(server.store.stats().objects).toBe(0);
  },
);

test("on loopback, every name and address of loopback is answered", async () => {
  const server = await startServer();
  for (const host of ["localhost", "LocalHost:1", "127.0.0.1", "127.1.2.3:80", "[::1]:8080"])
    expect([host, (await ask(server, host, "GET /objects/inbox")).status]).toEqual([host, 200]);
});

test("hosts that are allowed are answered, too", async () => {
  const server = await startServer({}, { allowedHosts: ["Files.example"] });
  expect((await ask(server, "files.example:8443", "GET /")).status).toBe(200);
  expect((await ask(server, "localhost", "GET /")).status).toBe(200);
  expect((await ask(server, "other.example", "GET /")).status).toBe(421);
});

test("beyond loopback any host is answered, unless hosts are listed", async () => {
  const open = await startServer({}, { host: "0.0.0.0" });
  expect((await ask(open, "files.example", "GET /")).status).toBe(200);
  const listed = await startServer({}, { host: "0.0.0.0", allowedHosts: ["files.example"] });
  expect((await ask(listed, "files.example", "GET /")).status).toBe(200);
  expect((await ask(listed, "other.example", "GET /")).status).toBe(421);
});

test.each([["a b"], [""], ["https://files.example"], ["files.example:80"], ["*.example"]])(
  "refuses to start with %j as an allowed host",
  async (host) => {
    await expect(startServer({}, { allowedHosts: [host] })).rejects.toThrow(
      /^bucketWatch\.allowedHosts: expected/,
    );
  },
);

test("an origin is the page's own whatever its letter case, with its scheme and port", async () => {
  const server = await startServer({}, { allowedHosts: ["files.example"] });
  const upload = async (host: string, origin: string) =>
    (await ask(server, host, "POST /upload", `origin: ${origin}\r\n`)).status;
  expect(await upload("Files.Example", "http://files.example")).toBe(202);
  expect(await upload("files.example", "HTTP://FILES.EXAMPLE")).toBe(202);
  expect(await upload("files.example:80", "http://files.example")).toBe(202);
  // A proxy that ends TLS.
  expect(await upload("files.example", "https://files.example")).toBe(202);
  expect(await upload("files.example", "http://files.example:8080")).toBe(403);
  expect(await upload("files.example", "ftp://files.example")).toBe(403);
  expect(await upload("files.example", "null")).toBe(403);
});
