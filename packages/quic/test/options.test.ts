import { describe, expect, test } from "vitest";
import { engineMissing } from "../src/engine-missing.ts";
import { resolveLimits } from "../src/limits.ts";
import { certificates, engineNames, engines, needEngines, tls } from "./engines.ts";

const anywhere = { address: "127.0.0.1", port: 0 };
const server = { alpn: ["king"], ...certificates.leaf };
const nobody = () => undefined;

describe("limits of an engine", () => {
  test("are refused by name when unknown or out of range (KING_OPTION_INVALID)", () => {
    expect(() => resolveLimits({ maxStream: 1 } as object)).toThrow(/maxStreams/);
    expect(() => resolveLimits({ maxStreams: 0 })).toThrow(
      expect.objectContaining({ code: "KING_OPTION_INVALID" }),
    );
  });

  test("let no peer send more ahead than is held", () => {
    expect(() => resolveLimits({ streamWindowBytes: 8_192, maxUndeliveredBytes: 4_096 })).toThrow(
      /streamWindowBytes: expected at most maxUndeliveredBytes \(4096\), got 8192/,
    );
  });
});

test("says which package is missing, and how to get it (KING_QUIC_ENGINE_MISSING)", () => {
  const cause = new Error("Cannot find module");
  const error = engineMissing("some-engine@1.0.0", cause);
  expect(error).toMatchObject({
    code: "KING_QUIC_ENGINE_MISSING",
    details: { package: "some-engine@1.0.0" },
    cause,
  });
  expect(error.message).toContain("npm install some-engine@1.0.0");
});

describe.each(engineNames)("%s", (name) => {
  test("refuses options that nobody reads (KING_OPTION_INVALID)", async (context) => {
    await needEngines(context, name);
    const engine = await engines[name].open();
    const wrong = { code: "KING_OPTION_INVALID" };
    const connect = (options: object) =>
      engine.connect({ remote: anywhere, tls, ...options } as Parameters<typeof engine.connect>[0]);
    await expect(connect({ port: 1 })).rejects.toMatchObject(wrong);
    await expect(connect({ tls: { ...tls, verify: false } })).rejects.toMatchObject(wrong);
    await expect(connect({ tls: { ...tls, alpn: [] } })).rejects.toMatchObject(wrong);
    const listen = (options: object) =>
      engine.listen({ local: anywhere, tls: server, onSession: nobody, ...options });
    await expect(listen({ host: "localhost" })).rejects.toMatchObject(wrong);
    await expect(listen({ tls: { alpn: ["king"], key: server.key } })).rejects.toMatchObject(wrong);
  });

  test("refuses what does not belong together (KING_OPTION_INVALID)", async (context) => {
    await needEngines(context, name);
    const engine = await engines[name].open();
    const wrong = (option: string) => ({ code: "KING_OPTION_INVALID", details: { option } });
    const { cert, key } = certificates.leaf;
    const connect = (options: object) =>
      engine.connect({ remote: anywhere, tls, ...options } as Parameters<typeof engine.connect>[0]);
    await expect(connect({ tls: { ...tls, cert } })).rejects.toMatchObject(wrong("tls.key"));
    await expect(connect({ tls: { ...tls, key } })).rejects.toMatchObject(wrong("tls.cert"));
    await expect(connect({ tickets: {} })).rejects.toMatchObject(wrong("tickets"));
    await expect(connect({ earlyData: 1 })).rejects.toMatchObject(wrong("earlyData"));
    const own = {
      currentspace: ["qlog"],
      matrix: [
        "shared-tickets",
        "migration",
        "flow-control",
        "loss-statistics",
        "early-data",
        "keylog",
      ],
    }[name];
    const all = ["datagrams", "resumption", "client-certificates", ...own];
    expect(engine.capabilities).toEqual(new Set(all));
  });
});
