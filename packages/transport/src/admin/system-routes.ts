import { type ComponentHandle, KingError, type System } from "@king-runtime/core";
import { audited } from "./admin-event.ts";
import { type AdminSubject, longestDeadlineMs } from "./admin-options.ts";
import { AdminProblem } from "./admin-problem.ts";
import { type AdminRoute, adminRoute } from "./admin-route.ts";
import type { DrainControl } from "./drain-control.ts";
import { drainReportJson } from "./drain-report.ts";
import { sharedSchema, textSchema } from "./schema.ts";

const deadlineMs = {
  type: "integer",
  minimum: 0,
  maximum: longestDeadlineMs,
  default: 30_000,
  description: "How long to wait for what is under way, in milliseconds, before it is cut.",
} as const;

/** How long things took, and what may be done to a system as a whole or to a component of it. */
export function systemRoutes(
  system: System,
  drain: DrainControl,
  { clock, report }: AdminSubject,
): readonly AdminRoute[] {
  return [
    adminRoute({
      method: "GET",
      path: "/performance",
      id: "performance",
      summary: "How long things took",
      answers: {
        200: {
          description: "Starts of components, and what was admitted at gates.",
          schema: sharedSchema("SystemPerformance"),
        },
      },
      serve: () => Response.json(system.performance()),
    }),
    adminRoute({
      method: "POST",
      path: "/drain",
      id: "drain",
      summary: "Finishes what is under way, refuses all else, and stops; two at once are one",
      query: {
        wait: {
          type: "boolean",
          default: false,
          description: "Whether to answer when it is over, rather than at once.",
        },
      },
      body: { deadlineMs },
      answers: {
        200: { description: "It is over.", schema: sharedSchema("Drain") },
        202: { description: "It is under way: see /status.", schema: sharedSchema("Drain") },
      },
      serve: async ({ query, body, origin }) => {
        const drained = drain.begin(body.deadlineMs, origin);
        if (query.wait) await drained;
        else drained.catch(report);
        return Response.json(drain.progress, { status: query.wait ? 200 : 202 });
      },
    }),
    adminRoute({
      method: "POST",
      path: "/components/{name}/restart",
      id: "restartComponent",
      summary: "Drains, stops and starts a component; two at once are one",
      params: { name: textSchema },
      body: { deadlineMs },
      answers: {
        200: {
          description: "It is ready again; what came to grief before.",
          schema: sharedSchema("DrainReport"),
        },
      },
      problems: {
        404: "There is no such component.",
        409: "The system is not ready.",
        500: "The component did not stop or did not come back.",
      },
      serve: async ({ params, body, origin }) => {
        const name = params["name"] as string;
        const component = componentOf(system, name);
        const what = { action: "restart", target: name } as const;
        const outcome = await audited(what, origin, clock, async () => {
          try {
            return await component.restart(body);
          } catch (error) {
            throw restartProblem(error, name, report);
          }
        });
        for (const error of outcome.errors) report(error);
        return Response.json(drainReportJson(outcome));
      },
    }),
  ];
}

function componentOf(system: System, name: string): ComponentHandle {
  try {
    return system.component(name);
  } catch (error) {
    if (!KingError.is(error, "KING_SYSTEM_UNKNOWN")) throw error;
    throw new AdminProblem({ status: 404, detail: "expected the name of a component" });
  }
}

/** Why it did not come back is for who looks after it: a component may say anything. */
function restartProblem(error: unknown, name: string, report: (error: unknown) => void): unknown {
  if (KingError.is(error, "KING_SYSTEM_STATE")) {
    const { code, message } = error;
    return new AdminProblem({ status: 409, detail: message, extensions: { code } });
  }
  if (!KingError.is(error, "KING_SYSTEM_START")) return error;
  report(error);
  const detail = `component "${name}" did not stop, or did not come back`;
  return new AdminProblem({ status: 500, detail, extensions: { code: error.code } });
}
