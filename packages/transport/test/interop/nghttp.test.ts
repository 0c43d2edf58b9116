import { stripVTControlCharacters } from "node:util";
import { requireSoftware } from "@king-runtime/testkit";
import { describe, expect, test } from "vitest";
import { interopListener, outputOf } from "./interop-listener.ts";

describe.each([
  ["cleartext", false],
  ["TLS", true],
])("over %s", (_, isSecure) => {
  const origin = (port: number) => `${isSecure ? "https" : "http"}://127.0.0.1:${port}`;

  test("nghttp gets resources, and the settings of the server", async (context) => {
    const command = requireSoftware("nghttp", context);
    await using place = await interopListener({ isSecure });
    const { stdout } = await outputOf(command, ["-nv", "-t", "10", `${origin(place.port)}/a?b`]);
    const plain = stripVTControlCharacters(stdout);
    expect(plain).toMatch(/recv \(stream_id=\d+\) :status: 200/);
    expect(plain).toContain("SETTINGS_MAX_CONCURRENT_STREAMS(0x03):100");
    expect(plain).toContain("SETTINGS_ENABLE_PUSH(0x02):0");
    expect(plain).toMatch(/UNKNOWN\(0x8\):1|SETTINGS_ENABLE_CONNECT_PROTOCOL\(0x08\):1/);
  });

  test("nghttp sees hints and trailers", async (context) => {
    const command = requireSoftware("nghttp", context);
    await using place = await interopListener({ isSecure });
    const url = origin(place.port);
    const { stdout } = await outputOf(command, [
      "-nv",
      "-t",
      "10",
      `${url}/hints`,
      `${url}/trailers`,
    ]);
    const plain = stripVTControlCharacters(stdout);
    expect(plain).toMatch(/:status: 103[\s\S]*link: <\/style\.css>/);
    expect(plain).toContain("x-sum: 42");
  });

  test("h2load has each of its requests served, over both protocols", async (context) => {
    const command = requireSoftware("h2load", context);
    await using place = await interopListener({ isSecure });
    const load = ["-n", "2000", "-c", "10", "-m", "20"];
    for (const flags of [[], ["--h1"]]) {
      const { stdout } = await outputOf(command, [...load, ...flags, `${origin(place.port)}/a`]);
      expect(stdout).toContain("2000 succeeded, 0 failed, 0 errored, 0 timeout");
      expect(stdout).toContain("status codes: 2000 2xx, 0 3xx, 0 4xx, 0 5xx");
    }
  });

  test("h2load gets large bodies through small windows", async (context) => {
    const command = requireSoftware("h2load", context);
    await using place = await interopListener({ isSecure });
    const load = ["-n", "20", "-c", "2", "-m", "5", "-w", "14", "-W", "15"];
    const { stdout } = await outputOf(command, [...load, `${origin(place.port)}/large?1000000`]);
    expect(stdout).toContain("20 succeeded, 0 failed");
    expect(stdout).toMatch(/traffic: 19\.\d+MB/);
  });
});
