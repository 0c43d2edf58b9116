import { httpErrors } from "../errors.ts";
import { AdminProblem } from "./admin-problem.ts";

const deepest = 64;

/**
 * The body of a request as JSON (RFC 8259), `undefined` when it has none.
 *
 * @throws {AdminProblem} 413 beyond `maxBytes`; 415 for another media type; 400 for what is no JSON, is nested
 * more than 64 levels deep, or has a member called `__proto__`.
 */
export async function readJsonBody(request: Request, maxBytes: number): Promise<unknown> {
  const bytes = await readBytes(request, maxBytes);
  if (bytes.length === 0) return undefined;
  const type = request.headers.get("content-type") ?? "";
  if (!/^application\/json *(;|$)/i.test(type)) {
    throw new AdminProblem(
      { status: 415, detail: "content-type: expected application/json" },
      { accept: "application/json" },
    );
  }
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch {
    throw new AdminProblem({ status: 400, detail: "body: expected JSON in UTF-8" });
  }
  checkTree(value, 1);
  return value;
}

async function readBytes({ body, headers }: Request, maxBytes: number): Promise<Uint8Array> {
  if (body === null) return new Uint8Array();
  const tooLarge = new AdminProblem({
    status: 413,
    detail: `body: expected at most ${maxBytes} bytes`,
  });
  if (Number(headers.get("content-length") ?? 0) > maxBytes) {
    await body.cancel(tooLarge);
    throw tooLarge;
  }
  const chunks: Uint8Array[] = [];
  let received = 0;
  try {
    for await (const chunk of body as AsyncIterable<Uint8Array>) {
      received += chunk.length;
      if (received > maxBytes) throw tooLarge;
      chunks.push(chunk);
    }
  } catch (error) {
    // The listener may have a limit of its own.
    throw httpErrors.is(error, "KING_HTTP_BODY_LIMIT") ? tooLarge : error;
  }
  return Buffer.concat(chunks);
}

/** What an application may copy members of into objects of its own has no member that changes those. */
function checkTree(value: unknown, depth: number): void {
  if (typeof value !== "object" || value === null) return;
  if (depth > deepest) {
    throw new AdminProblem({ status: 400, detail: `body: expected at most ${deepest} levels` });
  }
  if (Object.hasOwn(value, "__proto__")) {
    throw new AdminProblem({ status: 400, detail: "__proto__: expected no such member" });
  }
  for (const each of Object.values(value)) checkTree(each, depth + 1);
}
