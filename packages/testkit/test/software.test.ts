import { afterEach, expect, test, vi } from "vitest";
import { findSoftware, requireSoftware } from "../src/index.ts";

afterEach(() => {
  vi.unstubAllEnvs();
  vi.restoreAllMocks();
});

class Skipped extends Error {}

const skippable = {
  task: { name: "talks to curl" },
  skip(note?: string): never {
    throw new Skipped(note);
  },
};

test("finds a program on the path", () => {
  vi.stubEnv("PATH", `/nowhere:${import.meta.dirname}/bin`);
  expect(findSoftware("curl")).toBe(`${import.meta.dirname}/bin/curl`);
});

test("a missing program skips the test with a line that names it and how to get it", () => {
  vi.stubEnv("PATH", "/nowhere");
  vi.stubEnv("KING_REQUIRE_ALL", "");
  const written = vi.spyOn(process.stderr, "write").mockReturnValue(true);
  expect(() => requireSoftware("curl", skippable)).toThrow(Skipped);
  expect(written).toHaveBeenCalledExactlyOnceWith(
    expect.stringMatching(/^not run: talks to curl \(curl is not installed; .*curl.*\)\n$/),
  );
});

test("a missing program is a failure when everything is required", () => {
  vi.stubEnv("PATH", "/nowhere");
  vi.stubEnv("KING_REQUIRE_ALL", "1");
  expect(() => requireSoftware("curl", skippable)).toThrow(/^not run: talks to curl/);
  expect(() => requireSoftware("curl", skippable)).not.toThrow(Skipped);
});
