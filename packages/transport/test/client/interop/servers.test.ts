import { createHash, randomBytes } from "node:crypto";
import { once } from "node:events";
import { mkdir, writeFile } from "node:fs/promises";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { createSecureServer } from "node:http2";
import { createServer as createHttpsServer } from "node:https";
import type { AddressInfo, Server, Socket } from "node:net";
import { gzipSync } from "node:zlib";
import {
  makeCertificates,
  requireSoftware,
  type SkippableTest,
  startService,
} from "@king-runtime/testkit";
import { describe, expect, test } from "vitest";
import { type CreateHttpClientOptions, createHttpClient } from "../../../src/index.ts";

const certificates = makeCertificates();
const large = randomBytes(8 * 1_048_576);
const text = "king ".repeat(10_000);
const sha256 = (bytes: Uint8Array) => createHash("sha256").update(bytes).digest("hex");

interface Place extends AsyncDisposable {
  readonly origin: string;
  readonly options: CreateHttpClientOptions;
}

/** What the servers of node do: files as the others have them, and everything they get back. */
async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const { url = "", method, headers } = request;
  if (url === "/echo") {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const body = Buffer.concat(chunks);
    response.setHeader("x-trailer", request.trailers["sum"] ?? "none");
    response.end(body);
    return;
  }
  const body = url === "/large" ? large : Buffer.from(url === "/small" ? "small" : text);
  const etag = `"${sha256(body).slice(0, 16)}"`;
  if (headers["if-none-match"] === etag) return void response.writeHead(304, { etag }).end();
  const range = /^bytes=(\d+)-(\d+)$/.exec(headers.range ?? "");
  if (range !== null) {
    const [first, last] = [Number(range[1]), Number(range[2])];
    const fields = { "content-range": `bytes ${first}-${last}/${body.length}` };
    return void response.writeHead(206, fields).end(body.subarray(first, last + 1));
  }
  const isPacked = url === "/text" && /gzip/.test(String(headers["accept-encoding"]));
  const sent = isPacked ? gzipSync(body) : body;
  response.writeHead(200, {
    etag,
    "content-length": sent.length,
    ...(isPacked ? { "content-encoding": "gzip" } : {}),
  });
  response.end(method === "HEAD" ? undefined : sent);
}

async function listening(server: Server, scheme: string): Promise<Place> {
  const sockets = new Set<Socket>();
  server.on("connection", (socket: Socket) => sockets.add(socket));
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { ca } = await certificates;
  return {
    origin: `${scheme}://127.0.0.1:${(server.address() as AddressInfo).port}`,
    options: scheme === "https" ? { tls: { ca } } : {},
    async [Symbol.asyncDispose]() {
      const closed = once(server, "close");
      server.close();
      for (const socket of sockets) socket.destroy();
      await closed;
    },
  };
}

const node = {
  "node:http": () => listening(createServer(answer), "http"),
  "node:https": async () => {
    const { leaf } = await certificates;
    return await listening(createHttpsServer(leaf, answer), "https");
  },
  "node:http2": async () => {
    const { leaf } = await certificates;
    const server = createSecureServer(leaf, (request, response) =>
      answer(request as unknown as IncomingMessage, response as unknown as ServerResponse),
    );
    return await listening(server as unknown as Server, "https");
  },
};

async function files(folder: string): Promise<void> {
  await mkdir(folder);
  await writeFile(`${folder}/large`, large);
  await writeFile(`${folder}/small`, "small");
  await writeFile(`${folder}/text`, text);
}

async function caddy(context: SkippableTest, protocol: "h1" | "h2"): Promise<Place> {
  const command = requireSoftware("caddy", context);
  const { ca, leaf } = await certificates;
  const upstream = await listening(createServer(answer), "http");
  const service = await startService({
    command,
    args: async ({ ports: [port = 0], folder }) => {
      await files(folder.join("files"));
      await writeFile(folder.join("cert.pem"), leaf.cert);
      await writeFile(folder.join("key.pem"), leaf.key);
      const file = folder.join("Caddyfile");
      const text = `{
  admin off
  auto_https off
}
https://127.0.0.1:${port} {
  tls ${folder.join("cert.pem")} ${folder.join("key.pem")}
  encode gzip {
    match header Content-Length 50000
  }
  reverse_proxy /echo ${new URL(upstream.origin).host}
  file_server {
    root ${folder.join("files")}
  }
}
`;
      await writeFile(file, text);
      return ["run", "--config", file, "--adapter", "caddyfile"];
    },
  });
  return {
    origin: `https://127.0.0.1:${service.port}`,
    options: { tls: { ca }, protocols: [protocol] },
    async [Symbol.asyncDispose]() {
      await service[Symbol.asyncDispose]();
      await upstream[Symbol.asyncDispose]();
    },
  };
}

async function nginx(context: SkippableTest, protocol: "h1" | "h2"): Promise<Place> {
  const command = requireSoftware("nginx", context);
  const { ca, leaf } = await certificates;
  const upstream = await listening(createServer(answer), "http");
  const service = await startService({
    command,
    args: async ({ ports: [port = 0], folder }) => {
      await files(folder.join("files"));
      await writeFile(folder.join("cert.pem"), leaf.cert);
      await writeFile(folder.join("key.pem"), leaf.key);
      const temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
        .map((name) => `${name}_temp_path ${folder.join(name)};`)
        .join("\n  ");
      const text = `daemon off;
${process.getuid?.() === 0 ? "user root;" : ""}
pid ${folder.join("pid")};
error_log stderr;
events {}
http {
  ${temporary}
  access_log off;
  default_type text/plain;
  gzip on;
  gzip_types text/plain;
  server {
    listen 127.0.0.1:${port} ssl${protocol === "h2" ? " http2" : ""};
    ssl_certificate ${folder.join("cert.pem")};
    ssl_certificate_key ${folder.join("key.pem")};
    client_max_body_size 16m;
    root ${folder.join("files")};
    location = /echo {
      proxy_pass ${upstream.origin};
      proxy_http_version 1.1;
    }
  }
}
`;
      const file = folder.join("nginx.conf");
      await writeFile(file, text);
      return ["-p", folder.path, "-c", file, "-e", "stderr"];
    },
  });
  return {
    origin: `https://127.0.0.1:${service.port}`,
    options: { tls: { ca }, protocols: [protocol] },
    async [Symbol.asyncDispose]() {
      await service[Symbol.asyncDispose]();
      await upstream[Symbol.asyncDispose]();
    },
  };
}

async function python(context: SkippableTest, version: "1.0" | "1.1"): Promise<Place> {
  const command = requireSoftware("python", context);
  const service = await startService({
    command,
    args: async ({ ports: [port = 0], folder }) => {
      await files(folder.join("files"));
      const options = ["--bind", "127.0.0.1", "--directory", folder.join("files")];
      return ["-m", "http.server", "--protocol", `HTTP/${version}`, ...options, String(port)];
    },
  });
  return {
    origin: `http://127.0.0.1:${service.port}`,
    options: {},
    [Symbol.asyncDispose]: () => service[Symbol.asyncDispose](),
  };
}

type Kind = readonly [
  name: string,
  start: (context: SkippableTest) => Promise<Place>,
  protocol: "h1" | "h2",
  knows: ReadonlySet<"echo" | "ranges" | "etag" | "gzip" | "reuse" | "trailers" | "no trailers">,
];

const all = new Set(["echo", "ranges", "etag", "gzip", "reuse"] as const);
const kinds: readonly Kind[] = [
  ["node:http", node["node:http"], "h1", new Set([...all, "trailers"])],
  ["node:https", node["node:https"], "h1", new Set([...all, "trailers"])],
  ["node:http2", node["node:http2"], "h2", new Set([...all, "trailers"])],
  ["caddy over HTTP/1.1", (context) => caddy(context, "h1"), "h1", all],
  ["caddy over HTTP/2", (context) => caddy(context, "h2"), "h2", all],
  ["nginx over HTTP/1.1", (context) => nginx(context, "h1"), "h1", all],
  ["nginx over HTTP/2", (context) => nginx(context, "h2"), "h2", new Set([...all, "no trailers"])],
  [
    "http.server of Python in HTTP/1.1",
    (context) => python(context, "1.1"),
    "h1",
    new Set(["reuse"]),
  ],
  ["http.server of Python in HTTP/1.0", (context) => python(context, "1.0"), "h1", new Set()],
];

describe("against", () => {
  test.for(kinds)(
    "%s, files and bodies come whole",
    async ([, start, protocol, knows], context) => {
      await using place = await start(context);
      await using client = createHttpClient(place.options);
      const get = (path: string, options = {}) => client.request(`${place.origin}${path}`, options);

      const small = await get("/small");
      expect([small.status, small.protocol, await small.text()]).toEqual([200, protocol, "small"]);
      expect(sha256(await (await get("/large")).bytes())).toBe(sha256(large));
      const asked = await get("/large", { method: "HEAD" });
      expect([asked.headers.get("content-length"), (await asked.bytes()).length]).toEqual([
        String(large.length),
        0,
      ]);
      const missing = await get("/nothing/of/the/kind");
      await missing.bytes();
      if (!knows.has("etag")) expect(missing.status).toBe(404);
      const opened = client.stats().sessionsOpened;
      if (knows.has("reuse")) expect(opened).toBe(1);
      else expect(opened).toBe(4);

      if (knows.has("gzip")) {
        const packed = await get("/text", { decompress: true });
        expect([packed.headers.get("content-encoding"), await packed.text()]).toEqual([
          "gzip",
          text,
        ]);
      }
      if (knows.has("etag")) {
        const etag = small.headers.get("etag") as string;
        const known = await get("/small", { headers: { "if-none-match": etag } });
        expect([known.status, await known.text()]).toEqual([304, ""]);
      }
      if (knows.has("ranges")) {
        const part = await get("/large", { headers: { range: "bytes=1000-1999" } });
        expect([part.status, sha256(await part.bytes())]).toEqual([
          206,
          sha256(large.subarray(1_000, 2_000)),
        ]);
      }

      const many = await Promise.all(
        Array.from({ length: 50 }, async () => (await get("/small")).text()),
      );
      expect(new Set(many)).toEqual(new Set(["small"]));
      expect(client.stats().requestsWaiting).toBe(0);
    },
  );

  test.for(kinds.filter(([, , , knows]) => knows.has("echo")))(
    "%s, uploads of every kind come back whole",
    async ([, start, , knows], context) => {
      await using place = await start(context);
      await using client = createHttpClient(place.options);
      const url = `${place.origin}/echo`;
      async function* pieces() {
        for (let at = 0; at < large.length; at += 100_000) yield large.subarray(at, at + 100_000);
      }
      for (const body of [large, () => pieces()]) {
        for (const more of [{}, { expectContinue: true }, { trailers: { sum: "9" } }]) {
          const asked = client.request(url, { method: "POST", body, ...more });
          if (knows.has("no trailers") && "trailers" in more) {
            // It takes a second block of fields for an error of the whole connection.
            await expect(asked).rejects.toMatchObject({ code: "KING_HTTP_ABORTED" });
            continue;
          }
          const echoed = await asked;
          expect(sha256(await echoed.bytes())).toBe(sha256(large));
          if (knows.has("trailers") && "trailers" in more) {
            expect(echoed.headers.get("x-trailer")).toBe("9");
          }
        }
      }
      expect(await (await client.request(url, { method: "POST" })).text()).toBe("");
    },
  );
});
