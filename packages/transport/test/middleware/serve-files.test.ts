import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import {
  type FileHandle,
  mkdir,
  open,
  realpath,
  rename,
  symlink,
  truncate,
  utimes,
  writeFile,
} from "node:fs/promises";
import {
  connectRaw,
  eventually,
  type TemporaryFolder,
  temporaryFolder,
  testClock,
} from "@king-runtime/testkit";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { fromFetch } from "../../src/fetch/from-fetch.ts";
import { listenHttp } from "../../src/listen-http.ts";
import { parseRange } from "../../src/middleware/byte-ranges.ts";
import { parseHttpDate } from "../../src/middleware/http-date.ts";
import { type ServeFilesOptions, serveFiles } from "../../src/middleware/index.ts";
import { openServedFile } from "../../src/middleware/served-file.ts";

const numRuns = Number(process.env["KING_FUZZ_RUNS"] ?? 500);
const digits = "0123456789".repeat(100);
const changed = new Date("2026-01-01T00:00:00Z");
const changedText = "Thu, 01 Jan 2026 00:00:00 GMT";
let folder: TemporaryFolder;

/** Handles that are open: every one that was looked at, until it is closed. */
const openHandles = new Set<object>();
let restore: () => void;

beforeAll(async () => {
  folder = await temporaryFolder();
  const put = async (name: string, content: string | Buffer) => {
    await writeFile(folder.join(name), content);
    await utimes(folder.join(name), changed, changed);
  };
  await mkdir(folder.join("root/docs"), { recursive: true });
  await mkdir(folder.join("root/.git"));
  await put("root/a.txt", digits);
  await put("root/empty", "");
  await put("root/with space é.html", "<p>");
  await put("root/docs/index.html", "index of docs");
  await put("root/.git/config", "hidden");
  await put("root/.env", "hidden");
  await put("root/large.bin", Buffer.alloc(8_000_000, 7));
  await put("secret.txt", "secret");
  await put("root-beside.txt", "secret");
  await symlink(folder.join("root/a.txt"), folder.join("root/inside"));
  await symlink("../secret.txt", folder.join("root/outside"));
  await symlink(folder.path, folder.join("root/up"));
  await symlink("loop", folder.join("root/loop"));
  execFileSync("mkfifo", [folder.join("root/pipe")]);
  const probe = await open(folder.join("secret.txt"));
  const prototype = Object.getPrototypeOf(probe) as FileHandle;
  await probe.close();
  const { stat } = prototype;
  prototype.stat = function (this: FileHandle, ...given: []) {
    const { close } = this;
    openHandles.add(this);
    this.close = () => {
      openHandles.delete(this);
      return close();
    };
    return stat.apply(this, given);
  } as typeof stat;
  restore = () => Object.assign(prototype, { stat });
});

afterAll(async () => {
  restore();
  await folder[Symbol.asyncDispose]();
});

const serve = (options: Partial<ServeFilesOptions> = {}) =>
  serveFiles({ root: folder.join("root"), ...options });

async function ask(
  path: string,
  headers: Record<string, string> = {},
  { method = "GET", ...options }: Partial<ServeFilesOptions> & { method?: string } = {},
) {
  const response = await serve(options)(new Request(`http://a${path}`, { method, headers }));
  const text = await response.text();
  expect(openHandles.size).toBe(0);
  return { status: response.status, text, headers: response.headers };
}

describe("serveFiles", () => {
  test("serves a file with what tells its version, and closes it", async () => {
    const { status, text, headers } = await ask("/a.txt?query");
    expect([status, text]).toEqual([200, digits]);
    expect(Object.fromEntries(headers)).toEqual({
      "accept-ranges": "bytes",
      "cache-control": "no-cache",
      "content-length": "1000",
      "content-type": "text/plain; charset=utf-8",
      etag: expect.stringMatching(/^"[\da-z-]+"$/),
      "last-modified": changedText,
      "x-content-type-options": "nosniff",
    });
  });

  test.each<[string, number, string]>([
    ["/with%20space%20%C3%A9.html", 200, "<p>"],
    ["/docs/", 200, "index of docs"],
    ["/inside", 200, digits],
    ["/empty", 200, ""],
    ["/docs/../a.txt", 200, digits],
  ])("serves %s", async (path, status, text) => {
    expect(await ask(path)).toMatchObject({ status, text });
  });

  test.each([
    ["/nothing"],
    ["/"],
    ["/a.txt/"],
    ["/a.txt/b"],
    ["//a.txt"],
    ["/docs//index.html"],
    ["/..%2fsecret.txt"],
    ["/%2e%2e%2fsecret.txt"],
    ["/docs%2findex.html"],
    ["/docs%5cindex.html"],
    ["/..%5csecret.txt"],
    ["/a.txt%00"],
    ["/a.txt%00.html"],
    ["/%"],
    ["/%ff"],
    ["/%252e%252e/secret.txt"],
    ["/outside"],
    ["/up/secret.txt"],
    ["/up/"],
    ["/up/root-beside.txt"],
    ["/loop"],
    ["/pipe"],
    ["/.env"],
    ["/.git/config"],
    ["/%2egit/config"],
    [`/${"x".repeat(5_000)}`],
  ])("has nothing at %s", async (path) => {
    expect((await ask(path)).status).toBe(404);
  });

  test("serves names with a dot, and links that lead out, when asked to", async () => {
    expect(await ask("/.env", {}, { dotFiles: true })).toMatchObject({ text: "hidden" });
    expect(await ask("/outside", {}, { outsideLinks: true })).toMatchObject({ text: "secret" });
    expect((await ask("/../secret.txt", {}, { outsideLinks: true })).status).toBe(404);
  });

  test("leads to a folder's slash, and serves no folder without an index", async () => {
    const { status, headers } = await ask("/docs?a=b");
    expect([status, headers.get("location")]).toEqual([301, "/docs/?a=b"]);
    expect((await ask("/docs/", {}, { index: "" })).status).toBe(404);
    expect((await ask("/docs", {}, { index: "" })).status).toBe(404);
  });

  test("serves below a prefix alone", async () => {
    const options = { prefix: "/assets/v1" };
    expect((await ask("/assets/v1/a.txt", {}, options)).status).toBe(200);
    expect((await ask("/assets/v1a.txt", {}, options)).status).toBe(404);
    expect((await ask("/a.txt", {}, options)).status).toBe(404);
    expect((await ask("/assets", {}, options)).status).toBe(404);
  });

  test.each(["/größe", "/gr%C3%B6%c3%9fe", "/gr%C3%B6ße"])(
    "takes the prefix %s as it is meant",
    async (prefix) => {
      expect((await ask("/größe/a.txt", {}, { prefix })).status).toBe(200);
      expect((await ask("/%67r%C3%B6%C3%9Fe/a.txt", {}, { prefix })).status).toBe(200);
      expect((await ask("/gro\u0308\u00dfe/a.txt", {}, { prefix })).status).toBe(404);
    },
  );

  test("follows its root to where it leads now", async () => {
    await mkdir(folder.join("release"), { recursive: true });
    await writeFile(folder.join("release/a.txt"), "released");
    await symlink(folder.join("root"), folder.join("current"));
    const handler = serve({ root: folder.join("current") });
    const text = async () => (await handler(new Request("http://a/a.txt"))).text();
    expect(await text()).toBe(digits);
    await symlink(folder.join("release"), folder.join("next"));
    await rename(folder.join("next"), folder.join("current"));
    expect(await text()).toBe("released");
  });

  test.skipIf(process.platform !== "linux")(
    "never serves what is outside, while a link is swapped all the time",
    async () => {
      const swap = `
        const { renameSync, symlinkSync, writeFileSync } = require("node:fs");
        const [file, other] = process.argv.slice(1);
        for (;;) {
          writeFileSync(other, "public");
          renameSync(other, file);
          symlinkSync("../secret.txt", other);
          renameSync(other, file);
        }`;
      const [file, other] = [folder.join("root/swapped"), folder.join("root/.other")];
      await writeFile(file, "public");
      const swapping = spawn(process.execPath, ["-e", swap, file, other], { stdio: "ignore" });
      try {
        const handler = serve();
        const seen = new Map<string, number>();
        const until = performance.now() + 1_500;
        while (performance.now() < until) {
          const response = await handler(new Request("http://a/swapped"));
          const text = response.status === 200 ? await response.text() : String(response.status);
          seen.set(text, (seen.get(text) ?? 0) + 1);
        }
        expect(seen.has("secret")).toBe(false);
        // Both were there to be had.
        expect([seen.has("public"), seen.has("404")]).toEqual([true, true]);
        expect(openHandles.size).toBe(0);
      } finally {
        const exited = once(swapping, "exit");
        swapping.kill("SIGKILL");
        await exited;
      }
    },
  );

  test.each<[string, string | undefined]>([
    ["a.txt", digits],
    ["inside", digits],
    ["outside", undefined],
    ["up/secret.txt", undefined],
    ["loop", undefined],
    ["pipe", undefined],
  ])("opens %s by its path where the system does not tell what was opened", async (name, text) => {
    const root = await realpath(folder.join("root"));
    const found = await openServedFile(root, `${root}/${name}`, false, async () => undefined);
    if (typeof found !== "object") return expect([found, text]).toEqual([undefined, undefined]);
    expect(await found.handle.readFile("utf8")).toBe(text);
    await found.handle.close();
    expect(openHandles.size).toBe(0);
  });

  test("answers HEAD like GET without the body, and other methods with 405 where there is a file", async () => {
    const head = await ask("/a.txt", {}, { method: "HEAD" });
    expect([head.status, head.text, head.headers.get("content-length")]).toEqual([200, "", "1000"]);
    const post = await ask("/a.txt", {}, { method: "POST" });
    expect([post.status, post.headers.get("allow")]).toEqual([405, "GET, HEAD"]);
    expect((await ask("/nothing", {}, { method: "POST" })).status).toBe(404);
  });

  test("takes content types and cache control by option", async () => {
    const options = { contentTypes: { txt: "text/x-digits" }, cacheControl: "max-age=60" };
    const { headers } = await ask("/a.txt", {}, options);
    expect([headers.get("content-type"), headers.get("cache-control")]).toEqual([
      "text/x-digits",
      "max-age=60",
    ]);
    expect((await ask("/large.bin", { range: "bytes=0-0" })).headers.get("content-type")).toBe(
      "application/octet-stream",
    );
  });

  const before = "Wed, 31 Dec 2025 00:00:00 GMT";
  test.each<[Record<string, string>, number]>([
    [{ "if-none-match": "TAG" }, 304],
    [{ "if-none-match": 'W/TAG, "other"' }, 304],
    [{ "if-none-match": '"other"' }, 200],
    [{ "if-none-match": "*" }, 304],
    [{ "if-none-match": '"other"', "if-modified-since": changedText }, 200],
    [{ "if-modified-since": changedText }, 304],
    [{ "if-modified-since": "Thursday, 01-Jan-26 00:00:00 GMT" }, 304],
    [{ "if-modified-since": "Thu Jan  1 00:00:00 2026" }, 304],
    [{ "if-modified-since": before }, 200],
    [{ "if-modified-since": "yesterday" }, 200],
    [{ "if-match": "TAG" }, 200],
    [{ "if-match": "*" }, 200],
    [{ "if-match": "W/TAG" }, 412],
    [{ "if-match": '"other"' }, 412],
    [{ "if-match": '"other"', "if-none-match": "TAG" }, 412],
    [{ "if-match": "TAG", "if-unmodified-since": before }, 200],
    [{ "if-unmodified-since": before }, 412],
    [{ "if-unmodified-since": changedText }, 200],
    [{ "if-match": "TAG", "if-none-match": "TAG" }, 304],
    [{ range: "bytes=0-1", "if-range": "TAG" }, 206],
    [{ range: "bytes=0-1", "if-range": "W/TAG" }, 200],
    [{ range: "bytes=0-1", "if-range": '"other"' }, 200],
    [{ range: "bytes=0-1", "if-range": changedText }, 206],
    [{ range: "bytes=0-1", "if-range": before }, 200],
    [{ range: "bytes=5000-", "if-range": '"other"' }, 200],
    [{ range: "bytes=0-1", "if-none-match": "TAG" }, 304],
  ])("answers the conditions %j with %i (RFC 9110, section 13.2.2)", async (given, status) => {
    const tag = (await ask("/a.txt")).headers.get("etag") as string;
    const headers = Object.fromEntries(
      Object.entries(given).map(([name, value]) => [name, value.replace("TAG", tag)]),
    );
    const answer = await ask("/a.txt", headers);
    expect(answer.status).toBe(status);
    if (status === 304) expect([answer.text, answer.headers.get("etag")]).toEqual(["", tag]);
  });

  test.each<[string, number, string, string | null]>([
    ["bytes=0-4", 206, "01234", "bytes 0-4/1000"],
    ["bytes=995-", 206, "56789", "bytes 995-999/1000"],
    ["bytes=-3", 206, "789", "bytes 997-999/1000"],
    ["bytes=-5000", 206, digits, "bytes 0-999/1000"],
    ["bytes=998-99999999999999999999", 206, "89", "bytes 998-999/1000"],
    ["bytes=0-1,2-3, 1-4", 206, "01234", "bytes 0-4/1000"],
    ["bytes=0-1,500-501", 200, digits, null],
    ["bytes=1000-", 416, "", "bytes */1000"],
    ["bytes=-0", 416, "", "bytes */1000"],
    ["bytes=5-2", 200, digits, null],
    ["bytes=a-b", 200, digits, null],
    ["bytes=", 200, digits, null],
    ["lines=0-1", 200, digits, null],
    [`bytes=${"0-0,".repeat(17)}`, 200, digits, null],
    [`bytes=0-1${",".repeat(17)}500-600`, 200, digits, null],
    [`bytes=0-1${",".repeat(17)}2-4`, 206, "01234", "bytes 0-4/1000"],
  ])("answers the range %s with %i", async (range, status, text, contentRange) => {
    const answer = await ask("/a.txt", { range });
    expect(answer.status).toBe(status);
    if (status !== 416) expect(answer.text).toBe(text);
    expect(answer.headers.get("content-range")).toBe(contentRange);
  });

  test("answers a range for GET alone", async () => {
    const head = await ask("/a.txt", { range: "bytes=0-1" }, { method: "HEAD" });
    expect(head.status).toBe(200);
  });

  test("has a weak tag while a change may go unseen, and no date in the future", async () => {
    const clock = testClock({ startMs: changed.getTime() + 1_999 });
    const first = (await ask("/a.txt", {}, { clock })).headers;
    expect(first.get("etag")).toMatch(/^W\//);
    clock.advance(1);
    const then = (await ask("/a.txt", {}, { clock })).headers;
    expect(then.get("etag")).toBe(first.get("etag")?.slice(2));
    const early = testClock({ startMs: changed.getTime() - 5_000 });
    const future = (await ask("/a.txt", {}, { clock: early })).headers;
    expect(future.get("last-modified")).toBe("Wed, 31 Dec 2025 23:59:55 GMT");
  });

  test("closes the file when the client leaves in the middle", async () => {
    await using listener = await listenHttp({ handler: fromFetch(serve()) });
    const socket = await connectRaw({ port: listener.local.port, reading: false });
    await socket.write("GET /large.bin HTTP/1.1\r\nHost: a\r\n\r\n");
    await eventually("the open file", () => openHandles.size === 1);
    socket.reset();
    await eventually("the closed file", () => openHandles.size === 0);
    listener.abort();
  });

  test("reads no more of a file than is taken, and closes it when the rest is not wanted", async () => {
    const response = await serve()(new Request("http://a/large.bin"));
    const reader = (response.body as ReadableStream<Uint8Array>).getReader();
    expect((await reader.read()).value?.length).toBeLessThanOrEqual(65_536);
    expect(openHandles.size).toBe(1);
    await reader.cancel();
    expect(openHandles.size).toBe(0);
  });

  test("fails when the file becomes shorter, rather than to end early", async () => {
    await writeFile(folder.join("root/shrinks"), Buffer.alloc(200_000));
    const response = await serve()(new Request("http://a/shrinks"));
    await truncate(folder.join("root/shrinks"), 1_000);
    await expect(response.arrayBuffer()).rejects.toThrow(/shorter/);
    expect(openHandles.size).toBe(0);
  });

  test("never leaves its root, whatever the path", async () => {
    const part = fc.constantFrom(
      "..",
      ".",
      "%2e%2e",
      "%2E.",
      "/",
      "%2f",
      "%5c",
      "\\",
      "secret.txt",
      "up",
      "outside",
      "root",
      "a.txt",
      "%00",
      "",
      "docs",
      "%252e",
      "root-beside.txt",
      "loop",
      "..;",
    );
    const path = fc.array(part, { maxLength: 8 }).map((parts) => `/${parts.join("/")}`);
    const handler = serve();
    await fc.assert(
      fc.asyncProperty(
        fc.oneof(
          path,
          fc.array(part).map((each) => `/${each.join("")}`),
        ),
        async (each) => {
          const response = await handler(new Request(`http://a${each}`));
          expect([200, 301, 404]).toContain(response.status);
          expect(await response.text()).not.toContain("secret");
          expect(openHandles.size).toBe(0);
        },
      ),
      { numRuns },
    );
  });

  test.each<[string, object]>([
    ["root", {}],
    ["prefix", { root: "/x", prefix: "assets" }],
    ["prefix", { root: "/x", prefix: "/assets/" }],
    ["prefix", { root: "/x", prefix: "/a?b" }],
    ["prefix", { root: "/x", prefix: "/a/%2e%2e" }],
    ["prefix", { root: "/x", prefix: "/%zz" }],
    ["index", { root: "/x", index: "../a" }],
    ["contentTypes.a", { root: "/x", contentTypes: { a: "b\r\nc" } }],
    ["listing", { root: "/x", listing: true }],
  ])("refuses %s in %j", (option, options) => {
    expect(() => serveFiles(options as ServeFilesOptions)).toThrow(
      expect.objectContaining({ code: "KING_OPTION_INVALID", details: { option } }),
    );
  });
});

test("a range is that of the bytes it names, one by one", () => {
  const spec = fc
    .tuple(fc.option(fc.nat(30)), fc.option(fc.nat(30)))
    .map(([first, last]) => `${first ?? ""}-${last ?? ""}`);
  fc.assert(
    fc.property(fc.array(spec, { minLength: 1, maxLength: 4 }), fc.nat(25), (specs, length) => {
      const named = new Set<number>();
      let isValid = true;
      for (const each of specs) {
        const [first = "", last = ""] = each.split("-");
        if (each === "-" || (first !== "" && last !== "" && Number(first) > Number(last)))
          isValid = false;
        for (let at = 0; at < length; at++) {
          const isNamed =
            first === ""
              ? at >= length - Number(last)
              : at >= Number(first) && (last === "" || at <= Number(last));
          if (isNamed) named.add(at);
        }
      }
      const span = parseRange(`bytes=${specs.join(",")}`, length);
      const [start, end] = [Math.min(...named), Math.max(...named)];
      const expected = end - start + 1 === named.size ? { start, end } : undefined;
      const satisfiable = named.size === 0 ? "unsatisfiable" : expected;
      expect(span).toEqual(isValid ? satisfiable : undefined);
    }),
    { numRuns },
  );
});

test("an HTTP date is read in each of its three forms, and no other", () => {
  fc.assert(
    fc.property(
      fc.date({ min: new Date(0), max: new Date("2069-01-01"), noInvalidDate: true }),
      (date) => {
        const ms = 1_000 * Math.floor(date.getTime() / 1_000);
        expect(parseHttpDate(new Date(ms).toUTCString(), Date.UTC(2026))).toBe(ms);
      },
    ),
    { numRuns },
  );
  const at = Date.UTC(1994, 10, 6, 8, 49, 37);
  const now = Date.UTC(2026);
  expect(parseHttpDate("Sunday, 06-Nov-94 08:49:37 GMT", now)).toBe(at);
  expect(parseHttpDate("Sun Nov  6 08:49:37 1994", now)).toBe(at);
  for (const text of [
    "",
    "1994-11-06",
    "Sun, 06 Nov 1994 08:49:37",
    "Sun, 6 Nov 1994 08:49:37 GMT",
  ]) {
    expect(parseHttpDate(text, now)).toBe(undefined);
  }
});
