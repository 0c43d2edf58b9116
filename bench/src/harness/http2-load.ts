import { type ClientHttp2Session, connect } from "node:http2";
import type { LoadRequest } from "./messages.ts";

/** Sends requests over cleartext HTTP/2, one in flight on each stream slot, until all are answered. */
export async function loadHttp2({ port, requests, load }: LoadRequest): Promise<void> {
  const connections = Math.min(load.connections ?? 16, requests);
  const slots = load.streamsPerConnection ?? 8;
  const body = Buffer.alloc(load.bodyBytes ?? 0, 0x61);
  let left = requests;
  const takeOne = () => left > 0 && left-- > 0;
  const headers = { ":method": load.method ?? "GET", ":path": load.path ?? "/" };

  const one = (session: ClientHttp2Session) =>
    new Promise<void>((resolve, reject) => {
      const stream = session.request(headers, { endStream: body.length === 0 });
      let received = 0;
      let status: number | undefined;
      stream.on("response", (fields) => {
        status = fields[":status"];
      });
      stream.on("data", (chunk: Buffer) => {
        received += chunk.length;
      });
      stream.on("error", reject);
      stream.on("close", () => {
        if (status === 200 && received === load.expectBodyBytes) resolve();
        else reject(new Error(`answered ${status} with ${received} bytes`));
      });
      if (body.length > 0) stream.end(body);
    });

  await Promise.all(
    Array.from({ length: connections }, async () => {
      const session = connect(`http://127.0.0.1:${port}`);
      const broken = new Promise<never>((_, reject) => session.on("error", reject));
      try {
        const drive = async () => {
          while (takeOne()) await one(session);
        };
        await Promise.race([Promise.all(Array.from({ length: slots }, drive)), broken]);
      } finally {
        session.destroy();
      }
    }),
  );
}
