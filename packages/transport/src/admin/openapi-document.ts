import type { AdminAuth } from "./admin-caller.ts";
import type { AdminAnswer, AdminRoute } from "./admin-route.ts";
import type { Parameter, Parameters } from "./parameters.ts";
import { type Schema, sharedSchema } from "./schema.ts";
import { sharedSchemas } from "./shared-schemas.ts";

/** Problems that any request can have. */
const commonProblems: Readonly<Record<number, string>> = {
  400: "The request is malformed, or has a parameter that is unknown.",
  401: "There is no token, or a wrong one.",
  403: "The client may not use this API, or the request comes from a page in a browser.",
  421: "The host is none of those that are asked for over loopback.",
  429: "The client was refused too often.",
  500: "A fault of the application; details are told to it alone.",
};

const bodyProblems: Readonly<Record<number, string>> = {
  413: "The body is too large.",
  415: "The body is no JSON by its content type.",
};

/** The OpenAPI 3.1 document of the routes. */
export function openApiDocument(routes: readonly AdminRoute[], auth: AdminAuth): Schema {
  const paths: Record<string, Record<string, Schema>> = {};
  for (const route of routes) {
    const item = paths[route.path] ?? {};
    item[route.method.toLowerCase()] = operationOf(route);
    paths[route.path] = item;
  }
  const schemes: Record<string, Schema> = {};
  if (auth.token !== undefined) schemes["token"] = { type: "http", scheme: "bearer" };
  if (auth.clientCertificates !== undefined) schemes["clientCertificate"] = { type: "mutualTLS" };
  return {
    openapi: "3.1.0",
    info: {
      title: "Administration of a running system",
      summary: "Looks at a system of King for TypeScript, and acts on it.",
      version: "1.0.0",
    },
    servers: [{ url: "/" }],
    // All of them in one object: each is asked for.
    security: [Object.fromEntries(Object.keys(schemes).map((name) => [name, []]))],
    paths,
    components: { schemas: usedSchemas(paths), securitySchemes: schemes },
  };
}

function operationOf({
  id,
  summary,
  params = {},
  query = {},
  body,
  answers,
  problems,
}: AdminRoute): Schema {
  const parameters = [
    ...Object.entries(params).map(([name, schema]) => ({
      name,
      in: "path",
      required: true,
      schema,
    })),
    ...Object.entries(query).map(queryParameter),
  ];
  const texts = {
    ...commonProblems,
    ...(body === undefined ? {} : bodyProblems),
    ...problems,
  };
  const responses: Record<string, Schema> = {};
  for (const [status, description] of Object.entries(texts)) {
    const content = { "application/problem+json": { schema: sharedSchema("Problem") } };
    responses[status] = { description, content };
  }
  for (const [status, answer] of Object.entries(answers)) responses[status] = answerOf(answer);
  return {
    operationId: id,
    summary,
    ...(parameters.length === 0 ? {} : { parameters }),
    ...(body === undefined ? {} : { requestBody: requestBody(body) }),
    responses,
  };
}

function queryParameter([name, { description, ...schema }]: [string, Parameter]): Schema {
  return { name, in: "query", description, schema };
}

function requestBody(body: Parameters | "any"): Schema {
  const schema =
    body === "any"
      ? { description: "Any JSON." }
      : { type: "object", properties: body, additionalProperties: false };
  return { required: false, content: { "application/json": { schema } } };
}

function answerOf({ description, schema, texts = [] }: AdminAnswer): Schema {
  const others = texts.map((type) => [type, { schema: { type: "string" } }]);
  return {
    description,
    content: { "application/json": { schema }, ...Object.fromEntries(others) },
  };
}

/** The shared schemas that `value` points to, and those that these point to. */
function usedSchemas(value: unknown, used: Record<string, Schema> = {}): Record<string, Schema> {
  if (typeof value !== "object" || value === null) return used;
  for (const [member, each] of Object.entries(value)) {
    if (member !== "$ref") {
      usedSchemas(each, used);
      continue;
    }
    const name = String(each).split("/").at(-1) as string;
    if (Object.hasOwn(used, name)) continue;
    const schema = sharedSchemas[name] as Schema;
    used[name] = schema;
    usedSchemas(schema, used);
  }
  return used;
}
