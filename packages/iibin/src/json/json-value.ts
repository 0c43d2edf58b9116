/** What `JSON.parse` gives. */
export type JsonValue = null | boolean | number | string | JsonValue[] | JsonObject;

export interface JsonObject {
  [key: string]: JsonValue;
}

/** Whether a value is an object with keys: neither a list nor `null`. */
export function isJsonObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** A field of a message; what every object inherits is none. */
export function readField(message: object, name: string): unknown {
  if (name in Object.prototype && !Object.hasOwn(message, name)) return undefined;
  return (message as Record<string, unknown>)[name];
}
