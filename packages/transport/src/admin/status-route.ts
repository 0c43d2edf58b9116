import type { AdminSubject } from "./admin-options.ts";
import { type AdminRoute, adminRoute } from "./admin-route.ts";
import type { DrainControl } from "./drain-control.ts";
import { listenerReports } from "./listener-reports.ts";
import { mapSchema, objectSchema, type Schema, sharedSchema, textSchema } from "./schema.ts";

/** What is going on? */
export function statusRoute(subject: AdminSubject, drain: DrainControl | undefined): AdminRoute {
  const { system, listeners, clock } = subject;
  const optional: Record<string, Schema> = {};
  if (system !== undefined) {
    optional["system"] = sharedSchema("SystemStatus");
    optional["drain"] = sharedSchema("Drain");
  }
  if (listeners !== undefined) optional["listeners"] = mapSchema(sharedSchema("ListenerStatus"));
  return adminRoute({
    method: "GET",
    path: "/status",
    id: "status",
    summary: "What is going on",
    answers: {
      200: {
        description:
          "The system, its drain if one was asked for here, its listeners and the process.",
        schema: objectSchema({ time: textSchema, process: sharedSchema("Process") }, optional),
      },
    },
    serve: () => {
      const uptimeMs = process.uptime() * 1_000;
      return Response.json({
        time: new Date(clock.now()).toISOString(),
        process: {
          pid: process.pid,
          nodeVersion: process.version,
          platform: process.platform,
          arch: process.arch,
          startedAt: new Date(Date.now() - uptimeMs).toISOString(),
          uptimeMs,
        },
        system: system?.status(),
        drain: drain?.progress,
        ...(listeners === undefined
          ? {}
          : {
              listeners: listenerReports(subject, (listener) => {
                const { state, local } = listener;
                return { state, local, stats: listener.stats() };
              }),
            }),
      });
    },
  });
}
