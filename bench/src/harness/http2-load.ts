import { connect } from "node:net";
import {
  acknowledge,
  encodeFrame,
  encodeHeaders,
  endHeaders,
  endStream,
  type Frame,
  frameType,
  takeFrames,
} from "./http2-frames.ts";
import type { LoadRequest } from "./messages.ts";

/**
 * Sends requests over cleartext HTTP/2 on raw sockets, one in flight on each stream slot, until all are
 * answered. It knows just enough of HTTP/2 to cost less than the server it loads.
 */
export async function loadHttp2({ port, requests, load }: LoadRequest): Promise<void> {
  const connections = Math.min(load.connections ?? 16, requests);
  const body = Buffer.alloc(load.bodyBytes ?? 0, 0x61);
  if (body.length > 16_384) throw new RangeError("bodyBytes: expected one frame's worth at most");
  let left = requests;
  const options: DriveOptions = {
    port,
    block: encodeHeaders({
      ":method": load.method ?? "GET",
      ":scheme": "http",
      ":path": load.path ?? "/",
      ":authority": `127.0.0.1:${port}`,
    }),
    body,
    slots: load.streamsPerConnection ?? 8,
    expectBodyBytes: load.expectBodyBytes,
    takeOne: () => left > 0 && left-- > 0,
  };
  await Promise.all(Array.from({ length: connections }, () => drive(options)));
}

interface DriveOptions {
  readonly port: number;
  readonly block: Buffer;
  readonly body: Buffer;
  readonly slots: number;
  readonly expectBodyBytes: number;
  readonly takeOne: () => boolean;
}

const preface = Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "latin1");
// The first byte of a header block that begins with `:status: 200` of the static table.
const status200 = 0x88;
const largestWindow = 0x7fff_ffff;

function drive(options: DriveOptions): Promise<void> {
  const { block, body, expectBodyBytes, slots, takeOne } = options;
  return new Promise((resolve, reject) => {
    const socket = connect({ port: options.port, host: "127.0.0.1", noDelay: true });
    const received = new Map<number, number>();
    let rest: Buffer = Buffer.alloc(0);
    let nextStreamId = 1;
    let unacknowledgedBytes = 0;
    let out: Buffer[] = [];
    let finished = false;
    const finish = (error?: Error) => {
      if (finished) return;
      finished = true;
      socket.destroy();
      if (error) reject(error);
      else resolve();
    };

    const start = () => {
      const id = nextStreamId;
      nextStreamId += 2;
      received.set(id, 0);
      const flags = endHeaders | (body.length === 0 ? endStream : 0);
      out.push(encodeFrame(frameType.headers, flags, id, block));
      if (body.length > 0) out.push(encodeFrame(frameType.data, endStream, id, body));
    };

    const onFrame = ({ type, flags, streamId, payload }: Frame) => {
      if (type === frameType.settings && !(flags & acknowledge))
        out.push(encodeFrame(frameType.settings, acknowledge, 0, Buffer.alloc(0)));
      else if (type === frameType.ping && !(flags & acknowledge))
        out.push(encodeFrame(frameType.ping, acknowledge, 0, payload));
      else if (type === frameType.resetStream || type === frameType.goAway)
        throw new Error(`the server sent frame type ${type}`);
      if (type !== frameType.headers && type !== frameType.data) return;
      let bytes = received.get(streamId);
      if (bytes === undefined) throw new Error(`an answer on stream ${streamId}`);
      if (type === frameType.data) {
        bytes += payload.length;
        unacknowledgedBytes += payload.length;
        received.set(streamId, bytes);
      } else if (payload[0] !== status200) throw new Error("expected :status 200 first");
      if (!(flags & endStream)) return;
      if (bytes !== expectBodyBytes)
        throw new Error(`expected ${expectBodyBytes} body bytes, got ${bytes}`);
      received.delete(streamId);
      if (takeOne()) start();
    };

    socket.on("connect", () => {
      const window = Buffer.alloc(4);
      window.writeUInt32BE(largestWindow - 65_535);
      out.push(preface, encodeFrame(frameType.settings, 0, 0, Buffer.alloc(0)));
      out.push(encodeFrame(frameType.windowUpdate, 0, 0, window));
      for (let slot = 0; slot < slots && takeOne(); slot++) start();
      socket.write(Buffer.concat(out));
      out = [];
      if (received.size === 0) finish();
    });
    socket.on("error", finish);
    socket.on("close", () => finish(new Error("the server closed the connection")));
    socket.on("data", (chunk: Buffer) => {
      try {
        rest = takeFrames(rest.length === 0 ? chunk : Buffer.concat([rest, chunk]), onFrame);
        if (unacknowledgedBytes > largestWindow / 2)
          throw new RangeError("too much for one window");
      } catch (error) {
        return finish(error as Error);
      }
      if (out.length > 0) socket.write(out.length === 1 ? (out[0] as Buffer) : Buffer.concat(out));
      out = [];
      if (received.size === 0) finish();
    });
  });
}
