import type { AdminSubject } from "./admin-options.ts";
import { type AdminRoute, adminRoute } from "./admin-route.ts";
import { objectSchema, oneOfTexts, sharedSchema } from "./schema.ts";

/** Does it live, and can work be sent to it? */
export function probeRoutes({ system }: AdminSubject): readonly AdminRoute[] {
  const health = adminRoute({
    method: "GET",
    path: "/health",
    id: "health",
    summary: "Whether the process answers, and nothing else",
    answers: {
      200: { description: "It does.", schema: objectSchema({ status: oneOfTexts("alive") }) },
    },
    serve: () => Response.json({ status: "alive" }),
  });
  if (system === undefined) return [health];
  const ready = adminRoute({
    method: "GET",
    path: "/ready",
    id: "ready",
    summary: "Whether work may be sent here",
    answers: {
      200: { description: "It may.", schema: sharedSchema("Readiness") },
      503: { description: "It may not, for these reasons.", schema: sharedSchema("Readiness") },
    },
    serve: () => {
      const { state } = system;
      const { status, components } = system.health();
      const ready = state === "ready" && status !== "unhealthy";
      const reasons = state === "ready" ? [] : [`the system is ${state}`];
      for (const [name, health] of Object.entries(components)) {
        if (health.status !== "healthy") reasons.push(`${name}: ${health.reason ?? health.status}`);
      }
      return Response.json(
        { ready, state, status, reasons, components },
        { status: ready ? 200 : 503 },
      );
    },
  });
  return [health, ready];
}
