import type { QuicCapability, StreamSession } from "@king-runtime/core";
import { defineConfig } from "@king-runtime/core";
import { describe, expect, test } from "vitest";
import {
  connectQuic,
  listenQuic,
  type OpenQuicEngineOptions,
  openMatrixEngine,
  openQuicEngine,
  quicSection,
} from "../src/index.ts";
import { certificates, needEngines } from "./engines.ts";

const { ca, leaf } = certificates;

/** It is the operator's alone to set. */
const keylogging = defineConfig({
  sections: [quicSection],
  operator: { quic: { keylogFolder: "/nowhere/keys" } },
});

describe("an engine is chosen", () => {
  test("by default, by name, and by what it must be able to do", async (context) => {
    await needEngines(context, "currentspace", "matrix");
    expect((await openQuicEngine()).name).toBe("currentspace");
    expect((await openQuicEngine({ engine: "matrix" })).name).toBe("matrix");
    expect((await openQuicEngine({ needs: ["datagrams", "resumption"] })).name).toBe(
      "currentspace",
    );
    for (const need of ["migration", "flow-control", "loss-statistics", "early-data"] as const) {
      expect((await openQuicEngine({ needs: [need] })).name).toBe("matrix");
    }
    expect((await openQuicEngine({ earlyData: true })).name).toBe("matrix");
    expect((await openQuicEngine({ ticketSecret: "s".repeat(32) })).name).toBe("matrix");
  });

  test.each<[string, "currentspace" | "matrix" | undefined, QuicCapability]>([
    ["the engine named does not have", "currentspace", "migration"],
    ["no engine has", undefined, "xdp"],
    ["no engine has", undefined, "busy-poll"],
    ["the engine named does not have", "currentspace", "early-data"],
    ["the engine named does not have", "currentspace", "shared-tickets"],
    ["the engine named does not have", "matrix", "qlog"],
  ])("and what %s is refused (KING_QUIC_CAPABILITY, %s, %s)", async (_, engine, capability) => {
    const options = { needs: [capability], ...(engine === undefined ? {} : { engine }) };
    const opened = await openQuicEngine(options).catch((error) => error);
    // Where no engine can be loaded that is said instead.
    if (opened.code !== "KING_QUIC_ENGINE_MISSING") {
      expect(opened).toMatchObject({ code: "KING_QUIC_CAPABILITY", details: { capability } });
    }
  });

  test.each<[QuicCapability, "currentspace" | "matrix", OpenQuicEngineOptions]>([
    ["shared-tickets", "currentspace", { ticketSecret: "s".repeat(32) }],
    ["early-data", "currentspace", { earlyData: true }],
    ["keylog", "currentspace", { config: keylogging }],
    ["qlog", "matrix", { qlogFolder: "/nowhere/qlog" }],
  ])(
    "and settings that ask for %s are refused by %s (KING_QUIC_CAPABILITY)",
    async (capability, engine, options) => {
      const opened = await openQuicEngine({ engine, ...options }).catch((error) => error);
      if (opened.code !== "KING_QUIC_ENGINE_MISSING") {
        expect(opened).toMatchObject({
          code: "KING_QUIC_CAPABILITY",
          details: { engine, capability },
        });
      }
    },
  );

  test("and no secret that can be guessed is taken (KING_OPTION_INVALID)", async () => {
    const opening = openQuicEngine({ ticketSecret: "short" });
    await expect(opening).rejects.toMatchObject({
      code: "KING_OPTION_INVALID",
      message: expect.not.stringContaining("short"),
    });
  });

  test.each<[string, object]>([
    ["engine", { engine: "quiche" }],
    ["needs", { needs: "datagrams" }],
    ["needs", { needs: ["speed"] }],
    ["maxStream", { maxStream: 5 }],
    ["maxStreams", { maxStreams: 0 }],
    ["allowUnpatchedEngine", { allowUnpatchedEngine: "yes" }],
  ])("and %s is looked at (KING_OPTION_INVALID)", async (option, options) => {
    await expect(openQuicEngine(options)).rejects.toMatchObject({ code: "KING_OPTION_INVALID" });
    await expect(openQuicEngine(options)).rejects.toThrow(option);
  });

  test("and bound by a config", async () => {
    const config = defineConfig({
      sections: [quicSection],
      operator: { quic: { maxStreams: 5 }, policy: { lock: ["quic.*"] } },
    });
    await expect(openQuicEngine({ config, maxStreams: 6 })).rejects.toMatchObject({
      code: "KING_CONFIG_LOCKED",
    });
  });
});

test("listens and connects in two calls", async (context) => {
  await needEngines(context, "currentspace", "matrix");
  const serve = async (session: StreamSession) => {
    for await (const stream of session.streams()) {
      for await (const chunk of stream) await stream.write(chunk);
      await stream.end();
    }
  };
  await using listener = await listenQuic({
    tls: { alpn: ["echo"], ...leaf },
    onSession: (session) => void serve(session),
  });
  expect(listener.local.address).toBe("127.0.0.1");
  const session = await connectQuic({
    remote: { address: "127.0.0.1", port: listener.local.port },
    tls: { alpn: ["echo"], ca, serverName: "localhost" },
    needs: ["flow-control"],
  });
  expect(session.capabilities.has("receive-backpressure")).toBe(true);
  const stream = await session.openStream();
  await stream.end(Buffer.from("hello"));
  const chunks: Uint8Array[] = [];
  for await (const chunk of stream) chunks.push(chunk);
  expect(Buffer.concat(chunks).toString()).toBe("hello");
  await session.close();
});

test("an engine with known faults does not listen where strangers reach it (KING_QUIC_UNPATCHED)", async (context) => {
  await needEngines(context, "matrix");
  const options = { tls: { alpn: ["x"], ...leaf }, onSession: () => undefined };
  for (const address of ["0.0.0.0", "::", "10.0.0.1", "host.example"]) {
    const listening = listenQuic({ ...options, engine: "matrix", host: address });
    await expect(listening).rejects.toMatchObject({
      code: "KING_QUIC_UNPATCHED",
      details: { engine: "matrix", address },
    });
  }
  for (const address of ["127.0.0.1", "localhost", "::1"]) {
    const listening = (await openMatrixEngine()).listen({
      local: { address, port: 0 },
      ...options,
    });
    await (await listening).close();
  }
  const exposed = await listenQuic({
    ...options,
    engine: "matrix",
    host: "0.0.0.0",
    allowUnpatchedEngine: true,
  });
  await exposed.close();
});
