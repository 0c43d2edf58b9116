import { type ConnectRawOptions, connectRaw, type RawSocket } from "@king-runtime/testkit";
import {
  type Fields,
  type Frame,
  frameType,
  headers,
  preface,
  requestFields,
  setting,
  settings,
  settingsAck,
  statusOf,
} from "./http2-frames.ts";

/** An HTTP/2 client that sends whatever frames a test means. */
export interface Http2Peer extends AsyncDisposable {
  readonly socket: RawSocket;
  /** What the server's SETTINGS said. */
  readonly serverSettings: ReadonlyMap<number, number>;
  send(...frames: readonly Uint8Array[]): Promise<void>;
  /** The next frame of a type, of a stream if given; others before it are skipped. */
  next(type: number, streamId?: number): Promise<Frame>;
  /** The status of the response on a stream. */
  status(streamId: number): Promise<number>;
  /** All frames until the connection ends. */
  rest(): Promise<Frame[]>;
  /** Error code of the GOAWAY with an error that ends the connection; undefined without one. */
  goAway(): Promise<number | undefined>;
  /** Sends a request without a body, and takes its status. */
  get(streamId: number, fields?: Fields): Promise<number>;
}

export interface OpenHttp2Options extends ConnectRawOptions {
  /** What the client's SETTINGS say besides a dynamic table of no bytes. */
  readonly settings?: Readonly<Record<number, number>>;
  /** Whether to acknowledge the server's SETTINGS, which bind a client from then on. @default true */
  readonly acknowledged?: boolean;
}

/** Connects and shakes hands: both sides have acknowledged each other's SETTINGS. */
export async function openHttp2(options: OpenHttp2Options): Promise<Http2Peer> {
  const socket = await connectRaw(options);
  const mine = { [setting.headerTableSize]: 0, ...options.settings };
  await socket.write(Buffer.concat([preface, settings(mine)]));
  const theirs = await readFrame(socket);
  const serverSettings = new Map<number, number>();
  for (let at = 0; at < theirs.payload.length; at += 6) {
    serverSettings.set(theirs.payload.readUInt16BE(at), theirs.payload.readUInt32BE(at + 2));
  }
  if (options.acknowledged ?? true) await socket.write(settingsAck());
  const peer: Http2Peer = {
    socket,
    serverSettings,
    send: (...frames) => socket.write(Buffer.concat(frames)),
    async next(type, streamId) {
      for (;;) {
        const frame = await readFrame(socket);
        if (frame.type === type && (streamId ?? frame.streamId) === frame.streamId) return frame;
        const isReset = frame.type === frameType.resetStream && frame.streamId === streamId;
        if (isReset || (frame.type === frameType.goAway && frame.payload.readUInt32BE(4) !== 0)) {
          throw new Error(`expected frame type ${type}, got ${describeFrame(frame)}`);
        }
      }
    },
    status: async (streamId) => statusOf((await peer.next(frameType.headers, streamId)).payload),
    rest: async () => framesOf(await socket.readToEnd()),
    async goAway() {
      const frames = await peer.rest();
      return frames
        .filter(({ type }) => type === frameType.goAway)
        .map(({ payload }) => payload.readUInt32BE(4))
        .find((code) => code !== 0);
    },
    async get(streamId, fields = requestFields()) {
      await peer.send(headers(streamId, fields));
      return peer.status(streamId);
    },
    [Symbol.asyncDispose]: () => socket[Symbol.asyncDispose](),
  };
  return peer;
}

async function readFrame(socket: RawSocket): Promise<Frame> {
  const header = await socket.readBytes(9);
  return parse(header, await socket.readBytes(header.readUIntBE(0, 3)));
}

const parse = (header: Buffer, payload: Buffer): Frame => ({
  type: header[3] as number,
  flags: header[4] as number,
  streamId: header.readUInt32BE(5) & 0x7fff_ffff,
  payload,
});

/** The whole frames in `bytes`. */
export function framesOf(bytes: Buffer): Frame[] {
  const frames: Frame[] = [];
  for (let at = 0; bytes.length - at >= 9; ) {
    const end = at + 9 + bytes.readUIntBE(at, 3);
    if (end > bytes.length) break;
    frames.push(parse(bytes.subarray(at, at + 9), bytes.subarray(at + 9, end)));
    at = end;
  }
  return frames;
}

function describeFrame({ type, streamId, payload }: Frame): string {
  return `type ${type} on stream ${streamId}: ${payload.toString("hex")}`;
}
