import { connectRaw } from "@king-runtime/testkit";
import { describe, expect, test } from "vitest";
import { startServer, uploadTo } from "./started-server.ts";

const text = "0123456789";

async function startWithObject() {
  const server = await startServer();
  await uploadTo(server.origin, "object=digits.txt", text, { "content-type": "text/plain" });
  const url = `${server.origin}/objects/inbox/digits.txt`;
  const get = (headers: Record<string, string> = {}, method = "GET") =>
    fetch(url, { method, headers });
  return { server, url, get, etag: (await get()).headers.get("etag") ?? "" };
}

test("gives the whole object with what is known of it", async () => {
  const { get } = await startWithObject();
  const response = await get();
  expect(response.status).toBe(200);
  expect(await response.text()).toBe(text);
  expect(Object.fromEntries(response.headers)).toMatchObject({
    "content-type": "text/plain",
    "content-length": "10",
    "accept-ranges": "bytes",
    etag: expect.stringMatching(/^"[^"]+"$/),
    "last-modified": expect.stringMatching(/GMT$/),
  });
});

test.each([
  ["bytes=0-3", "0123", "bytes 0-3/10"],
  ["bytes=4-", "456789", "bytes 4-9/10"],
  ["bytes=-3", "789", "bytes 7-9/10"],
  ["bytes=8-100", "89", "bytes 8-9/10"],
  ["bytes=0-", text, "bytes 0-9/10"],
  ["bytes=-100", text, "bytes 0-9/10"],
  ["Bytes=5-5", "5", "bytes 5-5/10"],
])("RFC 9110, section 14: %s gives its part", async (range, part, contentRange) => {
  const { get } = await startWithObject();
  const response = await get({ range });
  expect(response.status).toBe(206);
  expect(await response.text()).toBe(part);
  expect(response.headers.get("content-range")).toBe(contentRange);
  expect(response.headers.get("content-length")).toBe(String(part.length));
});

test.each([["bytes=10-"], ["bytes=10-20"], ["bytes=-0"]])(
  "RFC 9110, section 14: %s holds no byte and is answered 416",
  async (range) => {
    const { get } = await startWithObject();
    const response = await get({ range });
    expect(response.status).toBe(416);
    expect(response.headers.get("content-range")).toBe("bytes */10");
    expect(response.headers.get("content-type")).toBe("application/problem+json");
  },
);

test.each([
  ["bytes=5-2"],
  ["bytes=a-b"],
  ["bytes=-"],
  ["lines=1-2"],
  ["bytes=0-1,4-5"],
  ["bytes=99999999999999999999-"],
])("RFC 9110, section 14: %s is ignored", async (range) => {
  const { get } = await startWithObject();
  const response = await get({ range });
  expect([response.status, await response.text()]).toEqual([200, text]);
});

test("RFC 9110, section 13: a copy that is still good is not sent again", async () => {
  const { server, get, etag } = await startWithObject();
  for (const field of [etag, `"other", ${etag}`, `W/${etag}`, "*"]) {
    const response = await get({ "if-none-match": field });
    expect(response.status).toBe(304);
    expect(response.headers.get("etag")).toBe(etag);
    expect(await response.text()).toBe("");
  }
  expect((await get({ "if-none-match": '"other"' })).status).toBe(200);
  expect((await get({ "if-none-match": etag }, "HEAD")).status).toBe(304);
  await uploadTo(server.origin, "object=digits.txt", "changed");
  const changed = await get({ "if-none-match": etag });
  expect([changed.status, await changed.text()]).toEqual([200, "changed"]);
});

test("RFC 9110, section 13.1.5: a range of another version is answered with the whole", async () => {
  const { get, etag } = await startWithObject();
  expect((await get({ range: "bytes=0-1", "if-range": etag })).status).toBe(206);
  const other = await get({ range: "bytes=0-1", "if-range": '"other"' });
  expect([other.status, await other.text()]).toEqual([200, text]);
});

test("RFC 9110, section 13.2.2: conditions come before a range that holds no byte", async () => {
  const { get, etag } = await startWithObject();
  const range = "bytes=100-";
  const changed = await get({ range, "if-range": '"old"' });
  expect([changed.status, await changed.text()]).toEqual([200, text]);
  expect(changed.headers.has("content-range")).toBe(false);
  expect((await get({ range, "if-none-match": etag })).status).toBe(304);
  expect((await get({ range, "if-none-match": etag, "if-range": '"old"' })).status).toBe(304);
  expect((await get({ range, "if-none-match": '"old"' })).status).toBe(416);
  expect((await get({ range, "if-range": etag })).status).toBe(416);
  expect((await get({ range: "bytes=0-1", "if-none-match": etag })).status).toBe(304);
});

test("HEAD tells the same without the body", async () => {
  const { server, get, etag } = await startWithObject();
  const response = await get({}, "HEAD");
  expect(response.status).toBe(200);
  expect(response.headers.get("content-length")).toBe("10");
  expect(response.headers.get("etag")).toBe(etag);
  expect(await response.text()).toBe("");
  expect((await fetch(`${server.origin}/objects/inbox/none`, { method: "HEAD" })).status).toBe(404);
});

test("an empty object is an empty answer", async () => {
  const { origin } = await startServer();
  await uploadTo(origin, "object=empty", "");
  const response = await fetch(`${origin}/objects/inbox/empty`);
  expect([response.status, await response.text()]).toEqual([200, ""]);
  expect(response.headers.get("content-length")).toBe("0");
});

test("what could hold script is downloaded, and nothing is guessed or run", async () => {
  const { origin } = await startServer();
  const served = async (object: string, contentType: string) => {
    await uploadTo(origin, `object=${encodeURIComponent(object)}`, "x", {
      "content-type": contentType,
    });
    const { headers } = await fetch(`${origin}/objects/inbox/${encodeURIComponent(object)}`);
    expect(headers.get("x-content-type-options")).toBe("nosniff");
    expect(headers.get("content-security-policy")).toContain("sandbox");
    return headers.get("content-disposition");
  };
  for (const type of [
    "text/html",
    "image/svg+xml",
    "application/xhtml+xml",
    "text/xml",
    "TEXT/HTML; charset=x",
  ])
    expect(await served("file", type)).toMatch(/^attachment;/);
  for (const type of ["text/plain", "image/png", "video/mp4", "text/plain; charset=utf-8"])
    expect(await served("file", type)).toMatch(/^inline;/);
  expect(await served(`a"; b='é.txt`, "text/plain")).toBe(
    "inline; filename*=UTF-8''a%22%3B%20b%3D%27%C3%A9.txt",
  );
});

describe("what is not there", () => {
  test.each([
    ["GET", "/objects/inbox/none", 404],
    ["GET", "/nothing", 404],
    ["GET", "/objects", 404],
    ["GET", "/objects/", 400],
    ["GET", "/objects//x", 400],
    ["GET", "/objects/inbox/", 400],
    ["GET", "/objects/inbox/%2e%2e/x", 400],
    ["GET", "/objects/inbox/../../etc/passwd", 400],
    ["GET", "/objects/a%2Fb/x", 400],
    ["GET", "/objects/inbox/%ff", 400],
    ["GET", "/objects/inbox?limit=0", 400],
    ["GET", "/objects/inbox?cursor=!", 400],
    ["GET", "/upload", 405],
    ["DELETE", "/objects/inbox/x", 405],
    ["POST", "/", 405],
  ])("%s %s is answered %d with a problem", async (method, path, status) => {
    const { listener } = await startServer();
    // Clients tidy paths up; these bytes go out as they are.
    await using socket = await connectRaw({ port: listener.local.port });
    await socket.write(
      `${method} ${path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n`,
    );
    const answer = (await socket.readToEnd()).toString();
    expect(answer).toMatch(new RegExp(`^HTTP/1\\.1 ${status} `));
    expect(answer).toMatch(/content-type: application\/problem\+json/i);
    expect(/\r\nallow: /i.test(answer)).toBe(status === 405);
  });
});

test.each([
  ["/", ["GET", "HEAD"]],
  ["/watch", ["GET"]],
  ["/upload", ["POST"]],
  ["/objects/inbox", ["GET", "HEAD"]],
  ["/objects/inbox/x", ["GET", "HEAD"]],
])("RFC 9110, section 10.2.1: %s allows %j and nothing else", async (path, allowed) => {
  const { origin } = await startServer();
  for (const method of ["GET", "HEAD", "POST", "PUT", "DELETE"]) {
    const { status, headers } = await fetch(`${origin}${path}`, { method });
    expect([method, status === 405]).toEqual([method, !allowed.includes(method)]);
    expect(headers.get("allow")).toBe(allowed.includes(method) ? null : allowed.join(", "));
  }
});

test("lists the objects of one bucket, page by page", async () => {
  const { origin } = await startServer();
  for (const name of ["b", "a/x", "c"]) await uploadTo(origin, `object=${name}`, name);
  await uploadTo(origin, "bucket=inbox2&object=other", "x");
  const list = async (query = "") =>
    (await (await fetch(`${origin}/objects/inbox${query}`)).json()) as {
      bucket: string;
      objects: { object_id: string; size: number }[];
      cursor?: string;
    };
  const all = await list();
  expect(all.objects.map(({ object_id, size }) => [object_id, size])).toEqual([
    ["a/x", 3],
    ["b", 1],
    ["c", 1],
  ]);
  expect(all).not.toHaveProperty("cursor");
  const first = await list("?limit=2");
  expect(first.objects).toHaveLength(2);
  const second = await list(`?limit=2&cursor=${encodeURIComponent(first.cursor ?? "")}`);
  expect(second.objects.map(({ object_id }) => object_id)).toEqual(["c"]);
  expect((await fetch(`${origin}/objects/none`)).status).toBe(200);
});

test("the page comes with a policy that allows its own script and nothing else", async () => {
  const { origin } = await startServer();
  const response = await fetch(origin);
  const policy = response.headers.get("content-security-policy") ?? "";
  expect(response.headers.get("content-type")).toBe("text/html; charset=utf-8");
  expect(policy).toMatch(
    /^default-src 'none'; script-src 'sha256-[^']+'; style-src 'sha256-[^']+';/,
  );
  expect(policy).not.toContain("unsafe");
});
