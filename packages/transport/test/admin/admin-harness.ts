import { once } from "node:events";
import { type IncomingHttpHeaders, type IncomingMessage, request as requestHttp } from "node:http";
import { type RequestOptions, request as requestHttps } from "node:https";
import type { Component } from "@king-runtime/core";
import { withDeadline } from "@king-runtime/testkit";
import { type ListenAdminOptions, listenAdmin } from "../../src/admin/index.ts";
import type { HttpListener } from "../../src/index.ts";

export const token = "a-token-of-more-than-thirty-two-characters";

/** What came back. */
export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
  // biome-ignore lint/suspicious/noExplicitAny: tests look at what is meant to be there
  readonly json: any;
}

/** How {@link ask} asks. */
export interface Question {
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
  /** Whether the token is sent. @default true */
  readonly authorized?: boolean;
  readonly tls?: Pick<RequestOptions, "ca" | "cert" | "key">;
}

/** Asks the admin API at `port`: `ask(port, "GET /status")`. */
export async function ask(port: number, line: string, question: Question = {}): Promise<Answer> {
  const { body, headers = {}, authorized = true, tls } = question;
  const [method, path] = line.split(" ");
  const text = body === undefined || typeof body === "string" ? body : JSON.stringify(body);
  const options: RequestOptions = {
    host: "127.0.0.1",
    port,
    method: method ?? "GET",
    path: path ?? "/",
    agent: false,
    headers: {
      ...(authorized ? { authorization: `Bearer ${token}` } : {}),
      ...(text === undefined
        ? {}
        : { "content-type": "application/json", "content-length": Buffer.byteLength(text) }),
      ...headers,
    },
    ...(tls === undefined ? {} : { servername: "localhost", ...tls }),
  };
  const sent = tls === undefined ? requestHttp(options) : requestHttps(options);
  const answered = once(sent, "response");
  sent.end(text);
  const [response] = (await withDeadline(answered, `an answer to ${line}`)) as [IncomingMessage];
  const chunks: Buffer[] = [];
  for await (const chunk of response) chunks.push(chunk);
  const received = Buffer.concat(chunks).toString("utf8");
  const isJson = /json/.test(response.headers["content-type"] ?? "") && received !== "";
  return {
    status: response.statusCode as number,
    headers: response.headers,
    text: received,
    json: isJson ? JSON.parse(received) : undefined,
  };
}

/** An admin API on a free port; asks it. */
export async function openAdmin(options: Partial<ListenAdminOptions> = {}): Promise<
  AsyncDisposable & {
    readonly listener: HttpListener;
    readonly port: number;
    readonly ask: (line: string, question?: Question) => Promise<Answer>;
  }
> {
  const listener = await listenAdmin({
    auth: { token },
    port: 0,
    onError: () => undefined,
    ...options,
  });
  const { port } = listener.local;
  return {
    listener,
    port,
    ask: (line, question) => ask(port, line, question),
    [Symbol.asyncDispose]: async () => {
      listener.abort();
      await listener.closed;
    },
  };
}

/** A component that does nothing. */
export const idle = (name: string, more: Partial<Component> = {}): Component => ({
  name,
  start: () => undefined,
  stop: () => undefined,
  ...more,
});
