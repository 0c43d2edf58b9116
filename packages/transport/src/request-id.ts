import { randomBytes } from "node:crypto";
import type { HeaderView } from "@king-runtime/core";

const wellFormed = /^[\w.:@+/=-]{1,128}$/;
let process = "";
let last = 0;

/** The id that the client gave in the field `name`, or one of our own, unlike any other. */
export function requestIdOf(headers: HeaderView, name: string): string {
  const given = name === "" ? undefined : headers.get(name);
  if (given !== undefined && wellFormed.test(given)) return given;
  process ||= randomBytes(9).toString("base64url");
  return `${process}-${(++last).toString(36)}`;
}
