import type { ConfigExplanation } from "@king-runtime/core";
import { type AdminRoute, adminRoute } from "./admin-route.ts";
import { listSchema, objectSchema, sharedSchema } from "./schema.ts";

/** Where settings come from, and what they mean. */
export function configRoute(config: { explain(): readonly ConfigExplanation[] }): AdminRoute {
  return adminRoute({
    method: "GET",
    path: "/config",
    id: "config",
    summary: "The value of each setting, where it comes from and what it means; no secrets",
    answers: {
      200: {
        description: "All settings.",
        schema: objectSchema({ settings: listSchema(sharedSchema("Setting")) }),
      },
    },
    serve: () => {
      const settings = config.explain().map((setting) => ({
        ...setting,
        value: inJson(setting.value),
        default: inJson(setting.default),
      }));
      return Response.json({ settings });
    },
  });
}

const inJson = (value: unknown) => (value === Number.POSITIVE_INFINITY ? "Infinity" : value);
