import type { Socket } from "node:net";
import { gzipSync } from "node:zlib";
import { type RawServer, rawServer } from "../counting-server.ts";

/** What every whole body says. */
export const wholeText = "all of it, and nothing but it; ".repeat(40);

const head = (status: string, ...fields: string[]) =>
  `HTTP/1.1 ${[status, ...fields].join("\r\n")}\r\n\r\n`;
const whole = `${head("200 OK", `content-length: ${wholeText.length}`)}${wholeText}`;
const zipped = gzipSync(wholeText);

/** What becomes of a request, by its path. */
const behaviours: Readonly<Record<string, (socket: Socket) => void>> = {
  "/whole": (socket) => socket.write(whole),
  "/last": (socket) => socket.end(whole.replace("200 OK", "200 OK\r\nconnection: close")),
  "/chunked": (socket) =>
    socket.write(
      `${head("200 OK", "transfer-encoding: chunked")}${wholeText.length.toString(16)}\r\n${wholeText}\r\n0\r\n\r\n`,
    ),
  "/in-pieces": (socket) => {
    for (let at = 0; at < whole.length; at += 400) socket.write(whole.slice(at, at + 400));
  },
  "/hints": (socket) => socket.write(`${head("103 Early Hints", "link: </a>")}${whole}`),
  "/zipped": (socket) => {
    socket.write(head("200 OK", "content-encoding: gzip", `content-length: ${zipped.length}`));
    socket.write(zipped);
  },
  "/busy": (socket) => socket.write(head("503 Busy", "content-length: 0")),
  "/elsewhere": (socket) =>
    socket.write(head("302 Found", "location: /whole", "content-length: 0")),
  "/round": (socket) => socket.write(head("302 Found", "location: /round", "content-length: 0")),
  "/reset": (socket) => socket.resetAndDestroy(),
  "/gone": (socket) => socket.end(),
  "/half-head": (socket) => socket.end(whole.slice(0, 20)),
  "/half-body": (socket) => socket.end(whole.slice(0, -100)),
  "/reset-body": (socket) => socket.write(whole.slice(0, -100), () => socket.resetAndDestroy()),
  "/half-chunk": (socket) =>
    socket.end(`${head("200 OK", "transfer-encoding: chunked")}ff\r\nhalf`),
  "/nonsense": (socket) => socket.end("nonsense\r\n\r\n"),
  "/large-head": (socket) => socket.write(head("200 OK", `a: ${"a".repeat(50_000)}`)),
  "/many-hints": (socket) => socket.write(head("102 Processing").repeat(40)),
  "/silent": () => undefined,
  "/stalls": (socket) => socket.write(whole.slice(0, -100)),
  "/too-much": (socket) => socket.write(`${whole}HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nevil`),
  "/corrupt": (socket) => {
    const bytes = Buffer.from(zipped);
    bytes[30] = (bytes[30] as number) ^ 0xff;
    socket.write(head("200 OK", "content-encoding: gzip", `content-length: ${bytes.length}`));
    socket.write(bytes);
  },
};

/** Every path there is. */
export const paths = Object.keys(behaviours);

/** A server that does to each request what its path says. */
export function chaosServer(): Promise<RawServer> {
  return rawServer((socket) => {
    let received = "";
    socket.on("data", (chunk) => {
      received += chunk.toString("latin1");
      for (;;) {
        const end = received.indexOf("\r\n\r\n");
        if (end < 0) return;
        const [, path = ""] = received.split(" ", 2);
        const length = Number(/\r\ncontent-length: (\d+)/i.exec(received.slice(0, end))?.[1] ?? 0);
        if (received.length < end + 4 + length) return;
        received = received.slice(end + 4 + length);
        if (!socket.destroyed) behaviours[path]?.(socket);
      }
    });
  });
}
