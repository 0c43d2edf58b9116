import { createSystem, type Listener, type Stream } from "@king-runtime/core";
import { connectRaw } from "@king-runtime/testkit";
import { expect, test } from "vitest";
import { createHttpComponent, createTcpComponent, createUdpComponent } from "../src/index.ts";

test("opens with its system, serves, tells its health and numbers, and drains with it", async () => {
  let listener: Listener | undefined;
  let upgraded: Stream | undefined;
  const system = createSystem({
    components: [
      createHttpComponent({
        name: "web",
        handler(exchange) {
          if (exchange.upgrade === undefined) exchange.respond(200, {}, "served");
          else upgraded = exchange.upgrade.accept();
        },
        onListening(opened) {
          listener = opened;
        },
      }),
    ],
  });
  expect(system.health().status).toBe("unhealthy");
  await system.start();
  const port = listener?.local.port ?? 0;
  expect(await (await fetch(`http://127.0.0.1:${port}/`)).text()).toBe("served");
  expect(system.health().components["web"]).toEqual({ status: "healthy" });
  expect(system.metrics()["web"]).toMatchObject({ sessionsAccepted: 1, streamsActive: 0 });
  await using socket = await connectRaw({ port });
  await socket.write(
    "GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n",
  );
  await socket.readUntil("\r\n\r\n");
  expect((await system.drain()).clean).toBe(true);
  expect(listener?.state).toBe("closed");
  // An upgraded connection is its owner's to close, also after the system.
  await upgraded?.end(Buffer.from("bye"));
  await socket.readUntil("bye");
});

test("whose onListening throws does not leave a listener behind", async () => {
  let listener: Listener | undefined;
  const component = createHttpComponent({
    handler: () => undefined,
    onListening(opened) {
      listener = opened;
      throw new Error("no");
    },
  });
  await expect(createSystem({ components: [component] }).start()).rejects.toThrow("no");
  await listener?.closed;
  expect(listener?.state).toBe("closed");
});

test.each([
  ["http", (options: object) => createHttpComponent({ handler: () => undefined, ...options })],
  ["tcp", (options: object) => createTcpComponent({ onSession: () => undefined, ...options })],
  ["udp", (options: object) => createUdpComponent({ onSession: () => undefined, ...options })],
])("a component of %s refuses at once what it cannot use (KING_OPTION_INVALID)", (_, create) => {
  const refusal = (option: string) =>
    expect.objectContaining({ code: "KING_OPTION_INVALID", details: { option } });
  expect(() => create({ onListening: 5 })).toThrow(refusal("onListening"));
  expect(() => create({ dependsOn: "db" })).toThrow(refusal("dependsOn"));
  expect(() => create({ dependsOn: null })).toThrow(refusal("dependsOn"));
});

test.each([createHttpComponent, createTcpComponent, createUdpComponent])(
  "options that are none are refused (KING_OPTION_INVALID)",
  (create) => {
    const refusal = { code: "KING_OPTION_INVALID", details: { option: "options" } };
    expect(() => create(null as never)).toThrow(expect.objectContaining(refusal));
  },
);
