import {
  data,
  type Frame,
  flag,
  frame,
  frameType,
  headerBlock,
  settings,
  settingsAck,
} from "../../hostile/http2-frames.ts";
import { framesOf } from "../../hostile/http2-peer.ts";
import { type RawPeer, type RawServer, rawServer } from "./raw-server.ts";

/** One connection over HTTP/2, on the server's side. */
export class Http2RawPeer {
  readonly raw: RawPeer;
  /** What the client sent, in order; of data only where it was. */
  readonly frames: Frame[] = [];
  readonly #watchers = new Set<() => void>();

  constructor(raw: RawPeer) {
    this.raw = raw;
  }

  say(...frames: readonly Uint8Array[]): Promise<void> {
    return this.raw.say(Buffer.concat(frames));
  }

  /** Answers as it should. */
  good(streamId: number): Promise<void> {
    return this.say(head(streamId), data(streamId, "good", flag.endStream));
  }

  take(frame: Frame): void {
    this.frames.push(frame);
    for (const watcher of this.#watchers) watcher();
  }

  /** The first frame of a type and stream, once it is there. */
  next(type: number, streamId: number): Promise<Frame> {
    return new Promise((resolve) => {
      const look = () => {
        const found = this.frames.find((each) => each.type === type && each.streamId === streamId);
        if (found === undefined) return;
        this.#watchers.delete(look);
        resolve(found);
      };
      this.#watchers.add(look);
      look();
    });
  }
}

/** A response's head with `:status` and these fields; another block of fields with `status` 0. */
export const head = (
  streamId: number,
  fields: readonly (readonly [string, string])[] = [],
  flags: number = flag.endHeaders,
  status = 200,
): Buffer =>
  frame(
    frameType.headers,
    flags,
    streamId,
    headerBlock(status === 0 ? fields : [[":status", String(status)], ...fields]),
  );

/** A request as an {@link Http2RawServer} saw it. */
export interface SeenStream {
  readonly streamId: number;
  /** Which request it is to this server, from 1 on. */
  readonly number: number;
  /** Number of the connection it came on. */
  readonly on: number;
}

export type Http2Answer = (peer: Http2RawPeer, request: SeenStream) => unknown;

/** A server over cleartext HTTP/2 that answers its first request as the test says, and others as it should. */
export interface Http2RawServer extends AsyncDisposable {
  readonly origin: string;
  readonly requests: readonly SeenStream[];
  readonly peers: readonly Http2RawPeer[];
  readonly raw: RawServer;
}

/** Options of {@link rawHttp2Server}. */
export interface RawHttp2ServerOptions {
  /** What its SETTINGS say; nothing for none at all. @default {} */
  readonly settings?: Readonly<Record<number, number>> | "none";
  /** Said before the SETTINGS. */
  readonly first?: Uint8Array;
  /** How many requests `answer` is for; those after it are answered as they should. @default 1 */
  readonly hostileRequests?: number;
  /** Done with each connection before anything else. */
  readonly onConnection?: (peer: RawPeer) => unknown;
}

export async function rawHttp2Server(
  answer: Http2Answer,
  options: RawHttp2ServerOptions = {},
): Promise<Http2RawServer> {
  const { first, hostileRequests = 1 } = options;
  const requests: SeenStream[] = [];
  const peers: Http2RawPeer[] = [];
  const raw = await rawServer("", {
    onConnection(connection) {
      const peer = new Http2RawPeer(connection);
      peers.push(peer);
      options.onConnection?.(connection);
      if (first !== undefined) void peer.say(first);
      if (options.settings !== "none") void peer.say(settings(options.settings ?? {}));
      let waiting = Buffer.alloc(0);
      let isPreface = true;
      connection.socket.on("data", (chunk: Buffer) => {
        waiting = Buffer.concat([waiting, chunk]);
        if (isPreface) {
          if (waiting.length < 24) return;
          waiting = waiting.subarray(24);
          isPreface = false;
        }
        const frames = framesOf(waiting);
        for (const each of frames) {
          waiting = waiting.subarray(9 + each.payload.length);
          peer.take(each);
          if (each.type === frameType.settings && each.flags === 0) void peer.say(settingsAck());
          if (each.type !== frameType.headers || (each.flags & flag.endHeaders) === 0) continue;
          const isKnown = requests.some(
            ({ streamId, on }) => streamId === each.streamId && on === connection.number,
          );
          if (isKnown) continue; // trailers
          const request = {
            streamId: each.streamId,
            number: requests.length + 1,
            on: connection.number,
          };
          requests.push(request);
          if (request.number > hostileRequests) void peer.good(each.streamId);
          else void answer(peer, request);
        }
      });
    },
  });
  return {
    origin: raw.origin,
    requests,
    peers,
    raw,
    [Symbol.asyncDispose]: () => raw[Symbol.asyncDispose](),
  };
}
