import { execFile } from "node:child_process";
import { writeFile } from "node:fs/promises";
import { promisify } from "node:util";
import type { Exchange } from "@king-runtime/core";
import {
  makeCertificates,
  type TemporaryFolder,
  type TestCertificates,
  temporaryFolder,
} from "@king-runtime/testkit";
import { type HttpListener, type ListenHttpOptions, listenHttp } from "../../src/index.ts";

/** What programs that are not ours talk to. */
export interface InteropListener extends AsyncDisposable {
  readonly listener: HttpListener;
  readonly port: number;
  /** With `ca.pem`. */
  readonly folder: TemporaryFolder;
  readonly certificates: TestCertificates;
}

/** Options of {@link interopListener}; those of the listener, and: */
export interface InteropOptions extends Partial<ListenHttpOptions> {
  /** @default false */
  isSecure?: boolean;
  /** Asked before the paths that all tests have; whether it answered. */
  before?: (exchange: Exchange) => Promise<boolean>;
}

export async function interopListener(options: InteropOptions = {}): Promise<InteropListener> {
  const { isSecure = false, before, ...rest } = options;
  const certificates = await makeCertificates();
  const folder = await temporaryFolder("king-interop");
  await writeFile(folder.join("ca.pem"), certificates.ca);
  const listener = await listenHttp({
    handler: async (exchange) => {
      if (!(await before?.(exchange))) await answer(exchange);
    },
    ...(isSecure ? { tls: certificates.leaf } : {}),
    ...rest,
  });
  return {
    listener,
    port: listener.local.port,
    folder,
    certificates,
    async [Symbol.asyncDispose]() {
      listener.abort();
      await listener.closed;
      await folder[Symbol.asyncDispose]();
    },
  };
}

/** Answers each path in a way that some client may have trouble with. */
async function answer(exchange: Exchange): Promise<void> {
  const { method, path, query, session, headers } = exchange;
  if (path === "/echo") {
    exchange.respond(200, { "content-type": "application/octet-stream" });
    for await (const chunk of exchange) await exchange.write(chunk);
    await exchange.end();
  } else if (path === "/hints") {
    exchange.inform(103, { link: "</style.css>; rel=preload" });
    exchange.respond(200, {}, "hinted");
  } else if (path === "/trailers") {
    exchange.respond(200, { trailer: "x-sum" });
    exchange.setTrailers({ "x-sum": "42" });
    await exchange.end(Buffer.from("summed"));
  } else if (path === "/large") {
    exchange.respond(200, { "content-length": query });
    const part = Buffer.alloc(65_536, "k");
    for (let left = Number(query); left > 0; left -= part.length) {
      await exchange.write(left < part.length ? part.subarray(0, left) : part);
    }
    await exchange.end();
  } else if (path === "/nothing") exchange.respond(204);
  else {
    const body = { method, path, query, protocol: session.protocol, host: exchange.authority };
    const forwarded = headers.get("x-forwarded-for");
    exchange.respond(
      200,
      { "content-type": "application/json" },
      JSON.stringify({ ...body, forwarded }),
    );
  }
}

const run = promisify(execFile);

/** Output of a program that ends by itself, both streams. @throws what `execFile` does. */
export async function outputOf(
  command: string,
  args: readonly string[],
): Promise<{ stdout: string; stderr: string }> {
  return run(command, args, { timeout: 20_000, maxBuffer: 64 * 1_048_576 });
}
