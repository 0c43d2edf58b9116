/** The keys that the killed process works on, each by one worker. */
export const crashKeys: readonly string[] = ["a", "a/b", "deep/er/c", "deep/er/d", "L".repeat(200)];

/** What version `version` of an object holds: bytes that no other version or key shares. */
export function crashContent(key: string, version: number, size: number): Uint8Array {
  const pattern = Buffer.from(`${key.slice(0, 9)}:${version}:${size};`);
  return Buffer.alloc(size, pattern);
}
