import { connect as connectHttp2 } from "node:http2";
import { connectRaw, type RawSocket } from "@king-runtime/testkit";

/** Where the server of the soak test listens. */
export interface SoakTarget {
  readonly clear: number;
  readonly secure: number;
  readonly ca: string;
}

type Client = (target: SoakTarget, random: () => number) => Promise<void>;

const open = ({ clear, secure, ca }: SoakTarget, random: () => number): Promise<RawSocket> =>
  random() < 0.5
    ? connectRaw({ port: clear })
    : connectRaw({ port: secure, tls: { ca, alpn: ["http/1.1"] } });

const head = (line: string, ...fields: string[]) =>
  `${[`${line} HTTP/1.1`, "Host: soak", ...fields].join("\r\n")}\r\n\r\n`;

/** What a mixed crowd of clients does, in good faith and in bad. */
export const clients: readonly Client[] = [
  async function asksSeveralTimes(target, random) {
    await using socket = await open(target, random);
    for (const path of ["/small", "/node", "/small"]) {
      await socket.write(head(`GET ${path}`));
      await socket.readUntil(/small$|node\r\n0\r\n\r\n$/);
    }
  },
  async function sendsAllAtOnce(target, random) {
    await using socket = await open(target, random);
    await socket.write(head("GET /small").repeat(8) + head("GET /small", "Connection: close"));
    await socket.readToEnd();
  },
  async function uploads(target, random) {
    await using socket = await open(target, random);
    const path = random() < 0.5 ? "/echo" : "/fetch";
    await socket.write(head(`POST ${path}`, "Content-Length: 100000", "Connection: close"));
    await socket.write(Buffer.alloc(100_000, "x"));
    await socket.readToEnd();
  },
  async function leavesInTheUpload(target, random) {
    await using socket = await open(target, random);
    await socket.write(head("POST /echo", "Content-Length: 100000"));
    await socket.write(Buffer.alloc(Math.floor(random() * 99_999), "x"));
    await socket.readUntil("HTTP/1.1 200");
    socket.reset();
  },
  async function leavesInTheDownload(target, random) {
    await using socket = await open(target, random);
    await socket.write(head("GET /large"));
    await socket.readBytes(1_000 + Math.floor(random() * 1_000_000));
    socket.reset();
  },
  async function leavesWhileItWaits(target, random) {
    await using socket = await open(target, random);
    await socket.write(head("GET /waits"));
    if (random() < 0.5) socket.halfClose();
    else socket.reset();
  },
  async function sendsNonsense(target, random) {
    await using socket = await connectRaw({ port: random() < 0.5 ? target.clear : target.secure });
    await socket.write(Buffer.from(Array.from({ length: 200 }, () => Math.floor(random() * 256))));
    socket.halfClose();
    await socket.readToEnd();
  },
  async function meetsAFault(target, random) {
    await using socket = await open(target, random);
    await socket.write(head("GET /throws", "Connection: close"));
    await socket.readToEnd();
  },
  async function upgrades(target, random) {
    await using socket = await open(target, random);
    await socket.write(head("GET /upgrade", "Connection: Upgrade", "Upgrade: websocket"));
    await socket.readUntil("\r\n\r\n");
    await socket.write("said");
    await socket.readUntil("said");
    if (random() < 0.5) {
      socket.halfClose();
      await socket.readToEnd();
    } else socket.reset();
  },
  async function multiplexes({ clear, secure, ca }, random) {
    const session =
      random() < 0.5
        ? connectHttp2(`http://127.0.0.1:${clear}`)
        : connectHttp2(`https://localhost:${secure}`, { ca, host: "127.0.0.1" });
    session.on("error", () => undefined);
    const closed = new Promise((resolve) => session.once("close", resolve));
    const streams = Array.from({ length: 12 }, () => {
      const kind = random();
      const path = kind < 0.4 ? "/small" : kind < 0.6 ? "/large" : kind < 0.8 ? "/waits" : "/echo";
      const stream = session.request({
        ":method": path === "/echo" ? "POST" : "GET",
        ":path": path,
      });
      stream.on("error", () => undefined);
      if (path === "/echo") stream.end(Buffer.alloc(50_000, "x"));
      if (path === "/waits" || random() < 0.3) {
        stream.once(path === "/waits" ? "ready" : "response", () => stream.close(8));
      }
      stream.resume(); // node keeps a stream open whose bytes nobody reads
      return new Promise((resolve) => stream.once("close", resolve));
    });
    await Promise.all(streams);
    if (random() < 0.5) session.close();
    else session.destroy();
    await closed;
  },
];
