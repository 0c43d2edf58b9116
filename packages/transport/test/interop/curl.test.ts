import { writeFile } from "node:fs/promises";
import { requireSoftware } from "@king-runtime/testkit";
import { describe, expect, test } from "vitest";
import { interopListener, outputOf } from "./interop-listener.ts";

describe.each([
  ["HTTP/1.1", false, ["--http1.1"], "h1"],
  ["HTTP/2 with prior knowledge", false, ["--http2-prior-knowledge"], "h2"],
  ["HTTP/1.1 over TLS", true, ["--http1.1"], "h1"],
  ["HTTP/2 over TLS", true, ["--http2"], "h2"],
])("curl over %s", (_, isSecure, flags, protocol) => {
  async function curl(
    test: Parameters<typeof requireSoftware>[1],
    path: string,
    ...args: string[]
  ) {
    const command = requireSoftware("curl", test);
    await using place = await interopListener({ isSecure });
    const origin = `${isSecure ? "https" : "http"}://localhost:${place.port}`;
    const trust = ["--cacert", place.folder.join("ca.pem")];
    const input = place.folder.join("input");
    await writeFile(input, Buffer.alloc(3_000_000, "abc"));
    const filled = args.map((each) => each.replace("@INPUT", `@${input}`));
    const { stdout } = await outputOf(command, [
      ...["-sS", "--max-time", "15", "--ipv4", ...trust, ...flags, ...filled],
      `${origin}${path}`,
    ]);
    return stdout;
  }

  test("gets a resource", async (context) => {
    const said = JSON.parse(await curl(context, "/a?b=c"));
    expect(said).toMatchObject({ method: "GET", path: "/a", query: "b=c", protocol });
    expect(said.host).toMatch(/^localhost:\d+$/);
  });

  test("sees interim responses, fields and trailers", async (context) => {
    const hinted = await curl(context, "/hints", "-i");
    expect(hinted).toMatch(/^HTTP\/\S+ 103[\s\S]*rel=preload[\s\S]*HTTP\/\S+ 200[\s\S]*hinted$/);
    // curl 7.88 shows trailers where it shows heads.
    expect(await curl(context, "/trailers", "-i")).toMatch(/x-sum: 42/);
  });

  test("sends a large body and gets it back", async (context) => {
    const back = await curl(context, "/echo", "--data-binary", "@INPUT");
    expect(back.length).toBe(3_000_000);
    const chunked = ["-H", "Transfer-Encoding: chunked", "--data-binary", "@INPUT"];
    if (protocol === "h1")
      expect((await curl(context, "/echo", ...chunked)).length).toBe(3_000_000);
  });

  test("asks before it sends, and is told to go on", async (context) => {
    const back = await curl(
      context,
      "/echo",
      "-H",
      "Expect: 100-continue",
      "--data-binary",
      "@INPUT",
    );
    expect(back.length).toBe(3_000_000);
  });

  test("gets no body with HEAD and 204", async (context) => {
    expect(await curl(context, "/a", "-I")).toMatch(/^HTTP\/\S+ 200/);
    expect(await curl(context, "/nothing", "-w", "%{http_code}")).toBe("204");
  });

  // curl 7.88 breaks a second request with prior knowledge off by itself, whatever the server.
  if (flags[0] === "--http2-prior-knowledge") return;
  test("goes on with one connection", async (context) => {
    const command = requireSoftware("curl", context);
    await using place = await interopListener({ isSecure });
    const origin = `${isSecure ? "https" : "http"}://localhost:${place.port}`;
    const urls = Array.from({ length: 5 }, (_each, i) => `${origin}/${i}`);
    const trust = ["--cacert", place.folder.join("ca.pem"), "--ipv4"];
    const connects = ["-o", "/dev/null", "-w", "%{num_connects} "];
    const { stdout } = await outputOf(command, [
      ...["-sS", ...trust, ...flags],
      ...urls.flatMap((url) => [...connects, url]),
    ]);
    expect(stdout).toBe("1 0 0 0 0 ");
  });
});

test("curl verifies the certificate: another authority is refused", async (context) => {
  const command = requireSoftware("curl", context);
  await using place = await interopListener({ isSecure: true });
  await using stranger = await interopListener({ isSecure: true });
  const url = `https://localhost:${place.port}/`;
  const args = ["-sS", "--ipv4", "--cacert", stranger.folder.join("ca.pem"), url];
  await expect(outputOf(command, args)).rejects.toMatchObject({
    code: expect.toBeOneOf([35, 60]), // as the authority of that name has another key, or is unknown
  });
});
