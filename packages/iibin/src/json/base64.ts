// Few enough arguments for one call.
const chunkBytes = 8_192;

/** Bytes in base64 with padding. */
export function toBase64(bytes: Uint8Array): string {
  let binary = "";
  for (let i = 0; i < bytes.length; i += chunkBytes)
    binary += String.fromCharCode(...bytes.subarray(i, i + chunkBytes));
  return btoa(binary);
}

/** Bytes from base64 of either alphabet, with padding or without; `undefined` for other text. */
export function fromBase64(text: string): Uint8Array | undefined {
  // Here and not by atob, which passes over white space.
  if (!/^[\w+/-]*={0,2}$/.test(text)) return undefined;
  let binary: string;
  try {
    binary = atob(text.replaceAll("-", "+").replaceAll("_", "/"));
  } catch {
    return undefined;
  }
  const bytes = new Uint8Array(binary.length);
  for (let i = 0; i < bytes.length; i++) bytes[i] = binary.charCodeAt(i);
  return bytes;
}
