import { createCipheriv, createDecipheriv, createHmac } from "node:crypto";
import { keyNameBytes } from "../ticket-keys.ts";
import { type LongPacket, readLongPacket, readVarint } from "./long-header.ts";

// Anybody can read an Initial packet: its keys follow from the connection id in it (RFC 9001, section 5.2).
const salt = Buffer.from("38762cf7f55934b34d179ae6a4c80cadccbb7f0a", "hex");
const tagBytes = 16;
/** Nobody's ClientHello is larger. */
const longestHelloBytes = 16_384;

const hmac = (key: Uint8Array, ...parts: readonly Uint8Array[]): Buffer => {
  const hash = createHmac("sha256", key);
  for (const part of parts) hash.update(part);
  return hash.digest();
};

/** HKDF-Expand-Label (RFC 8446, section 7.1) of at most 32 bytes. */
function expand(secret: Uint8Array, label: string, length: number): Buffer {
  const name = Buffer.from(`tls13 ${label}`);
  const info = Buffer.concat([Buffer.from([0, length, name.length]), name, Buffer.from([0, 1])]);
  return hmac(secret, info).subarray(0, length);
}

/**
 * The name of the key that sealed the ticket which a client offers in its first packet (RFC 5077, section 4); `undefined`
 * where it offers none, or where its ClientHello does not fit into one packet. What is read here is not trusted: the name
 * only says with which key to try.
 */
export function offeredKeyName(datagram: Uint8Array): Uint8Array | undefined {
  const packet = readLongPacket(datagram);
  if (packet?.type !== "initial") return undefined;
  const payload = openInitial(datagram, packet);
  const hello = payload && readCrypto(payload);
  const ticket = hello && readOfferedTicket(hello);
  return ticket === undefined || ticket.length < keyNameBytes
    ? undefined
    : ticket.subarray(0, keyNameBytes);
}

/** What a client's Initial packet carries (RFC 9001, section 5). */
function openInitial(datagram: Uint8Array, packet: LongPacket): Buffer | undefined {
  const { destinationId, start, numberAt, end } = packet;
  const sample = datagram.subarray(numberAt + 4, numberAt + 20);
  if (numberAt + 20 > end) return undefined;
  const secret = expand(hmac(salt, destinationId), "client in", 32);
  const mask = createCipheriv("aes-128-ecb", expand(secret, "quic hp", 16), null).update(sample);
  const header = Buffer.from(datagram.subarray(start, numberAt + 4));
  header[0] = (header[0] as number) ^ ((mask[0] as number) & 0x0f);
  const numberBytes = ((header[0] as number) & 3) + 1;
  const nonce = Buffer.from(expand(secret, "quic iv", 12));
  const at = numberAt - start;
  for (let i = 0; i < numberBytes; i++) {
    const byte = (header[at + i] as number) ^ (mask[1 + i] as number);
    header[at + i] = byte;
    const place = nonce.length - numberBytes + i;
    nonce[place] = (nonce[place] as number) ^ byte;
  }
  const sealed = datagram.subarray(numberAt + numberBytes, end);
  if (sealed.length < tagBytes) return undefined;
  const opening = createDecipheriv("aes-128-gcm", expand(secret, "quic key", 16), nonce);
  opening.setAAD(header.subarray(0, at + numberBytes));
  opening.setAuthTag(sealed.subarray(-tagBytes));
  try {
    return Buffer.concat([opening.update(sealed.subarray(0, -tagBytes)), opening.final()]);
  } catch {
    return undefined; // it is none that a client made
  }
}

const frameTypes = { padding: 0, ping: 1, crypto: 6 };

/** The bytes of the handshake from its beginning on, as far as the CRYPTO frames of one packet have them. */
function readCrypto(payload: Uint8Array): Buffer | undefined {
  const pieces: { readonly offset: number; readonly bytes: Uint8Array }[] = [];
  for (let at = 0; at < payload.length; ) {
    const type = payload[at++];
    if (type === frameTypes.padding || type === frameTypes.ping) continue;
    if (type !== frameTypes.crypto) break;
    const offset = readVarint(payload, at);
    const length = offset && readVarint(payload, offset[1]);
    if (length === undefined || offset === undefined) return undefined;
    at = length[1] + length[0];
    if (at > payload.length || offset[0] + length[0] > longestHelloBytes) return undefined;
    pieces.push({ offset: offset[0], bytes: payload.subarray(length[1], at) });
  }
  // Clients may send them in any order.
  pieces.sort((a, b) => a.offset - b.offset);
  let whole = Buffer.alloc(0);
  for (const { offset, bytes } of pieces) {
    if (offset > whole.length) break;
    whole = Buffer.concat([whole.subarray(0, offset), bytes]);
  }
  return whole;
}

const clientHello = 1;
const preSharedKey = 41;

/** The first ticket that a ClientHello offers (RFC 8446, sections 4.1.2 and 4.2.11). */
function readOfferedTicket(hello: Buffer): Uint8Array | undefined {
  try {
    if (hello[0] !== clientHello) return undefined;
    let at = 4 + 2 + 32; // type and length, version, random
    at += 1 + hello.readUInt8(at); // session id
    at += 2 + hello.readUInt16BE(at); // cipher suites
    at += 1 + hello.readUInt8(at); // compression
    const end = at + 2 + hello.readUInt16BE(at);
    for (at += 2; at < end; ) {
      const type = hello.readUInt16BE(at);
      const length = hello.readUInt16BE(at + 2);
      if (type === preSharedKey) {
        const bytes = hello.readUInt16BE(at + 6);
        return hello.subarray(at + 8, at + 8 + bytes);
      }
      at += 4 + length;
    }
    return undefined;
  } catch {
    return undefined; // it goes on in another packet
  }
}
