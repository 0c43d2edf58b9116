import { createServer, type Socket } from "node:net";
import { expect, onTestFinished, test } from "vitest";
import { connectRaw, recorder } from "../src/index.ts";

async function serve(onConnection: (socket: Socket) => void): Promise<number> {
  const server = createServer({ allowHalfOpen: true }, onConnection);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => void server.close());
  return (server.address() as { port: number }).port;
}

test("takes bytes up to a pattern and leaves the rest", async () => {
  const port = await serve((socket) => socket.end("one\r\n\r\ntwo"));
  await using socket = await connectRaw({ port });
  expect(await socket.readUntil("\r\n\r\n")).toBe("one\r\n\r\n");
  expect(await socket.readUntil(/t./)).toBe("tw");
  expect((await socket.readToEnd()).toString()).toBe("o");
  expect(await socket.ended).toBe("end");
});

test("a pattern that never comes fails, showing what came", async () => {
  const port = await serve((socket) => socket.write("something else"));
  await using socket = await connectRaw({ port });
  await expect(socket.readUntil("HTTP/1.1", { deadlineMs: 100 })).rejects.toThrow(/something else/);
});

test("a connection that ends too early fails", async () => {
  const port = await serve((socket) => socket.end("abc"));
  await using socket = await connectRaw({ port });
  await expect(socket.readBytes(4)).rejects.toThrow(/ended before 4 bytes/);
});

test("half close ends our direction and leaves theirs", async () => {
  const port = await serve((socket) => {
    socket.resume().on("end", () => socket.end("after your end"));
  });
  await using socket = await connectRaw({ port });
  socket.halfClose();
  expect((await socket.readToEnd()).toString()).toBe("after your end");
});

test("reset reaches the peer as a reset", async () => {
  const errors = recorder<NodeJS.ErrnoException>();
  const port = await serve((socket) => socket.resume().on("error", errors.record));
  await using socket = await connectRaw({ port });
  await socket.write("x");
  socket.reset();
  expect((await errors.take(1))[0]?.code).toBe("ECONNRESET");
});

test("a socket that does not read makes the peer wait", async () => {
  const full = recorder<number>();
  const port = await serve((socket) => {
    socket.on("error", () => {});
    let written = 0;
    const chunk = Buffer.alloc(65_536);
    while (written < 64 * 1024 * 1024 && socket.write(chunk)) written += chunk.length;
    full.record(written);
  });
  await using socket = await connectRaw({ port, reading: false });
  const [written] = await full.take(1);
  expect(written).toBeLessThan(64 * 1024 * 1024);
  expect(socket.received()).toHaveLength(0);
});
