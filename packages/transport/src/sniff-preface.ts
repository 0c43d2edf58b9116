import type { Socket } from "node:net";

const preface = Buffer.from("PRI * HTTP/2.0"); // RFC 9113, section 3.4

/**
 * Tells HTTP/2 with prior knowledge from HTTP/1.1 by the first bytes of a connection, and puts them
 * back. `settled` is not called for a connection that ends before.
 */
export function sniffPreface(socket: Socket, settled: (isHttp2: boolean) => void): void {
  const give = () => socket.destroy();
  let seen: Buffer | undefined;
  const settle = () => {
    socket.removeListener("error", give);
    socket.removeListener("end", give);
    socket.removeListener("readable", onReadable);
    socket.removeListener("close", settle);
  };
  const onReadable = () => {
    const chunk: Buffer | null = socket.read();
    if (chunk === null) return;
    seen = seen === undefined ? chunk : Buffer.concat([seen, chunk]);
    const length = Math.min(seen.length, preface.length);
    const maybe = seen.subarray(0, length).equals(preface.subarray(0, length));
    if (maybe && seen.length < preface.length) return;
    settle();
    socket.unshift(seen);
    settled(maybe);
  };
  socket.on("error", give);
  socket.once("end", give); // with what came so far it cannot be answered
  socket.once("close", settle);
  socket.on("readable", onReadable);
}
