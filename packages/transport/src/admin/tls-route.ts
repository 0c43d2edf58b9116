import { KingError } from "@king-runtime/core";
import type { ListenTlsOptions } from "../tls/listener-tls.ts";
import { audited } from "./admin-event.ts";
import type { AdminSubject } from "./admin-options.ts";
import { AdminProblem } from "./admin-problem.ts";
import { type AdminRoute, adminRoute } from "./admin-route.ts";
import { objectSchema, textSchema } from "./schema.ts";

/** Other certificates, which the application loads: neither they nor their paths go over the wire. */
export function tlsRoute(subject: AdminSubject): AdminRoute {
  const { reloadTls: loaders, clock } = subject;
  const names = [...loaders.keys()];
  const [only] = names.length === 1 ? names : [];
  const underWay = new Set<string>();
  return adminRoute({
    method: "POST",
    path: "/reload-tls",
    id: "reloadTls",
    summary: "Has a listener take the certificates that the application loads",
    body: {
      listener: {
        type: "string",
        enum: names,
        description: "Which one; may be left out where there is just one.",
      },
    },
    answers: {
      200: {
        description: "Connections to come get the new certificates.",
        schema: objectSchema({ listener: textSchema }),
      },
    },
    problems: {
      409: "The listener is not there now, or a reload of it is under way.",
      422: "The certificates cannot be taken; nothing has changed.",
      503: "They were not loaded in time; nothing has changed.",
    },
    serve: async ({ body, origin }) => {
      const { listener = only } = body;
      if (listener === undefined) {
        const detail = `listener: expected one of ${names.join(", ")}`;
        throw new AdminProblem({ status: 400, detail });
      }
      if (underWay.has(listener)) {
        throw new AdminProblem({ status: 409, detail: "a reload of this listener is under way" });
      }
      underWay.add(listener);
      try {
        const what = { action: "reload-tls", target: listener } as const;
        await audited(what, origin, clock, () => reload(subject, listener));
      } finally {
        underWay.delete(listener);
      }
      return Response.json({ listener });
    },
  });
}

/** How listeners of HTTP and of TCP refuse certificates. */
const refusals = ["KING_HTTP_TLS", "KING_NET_TLS", "KING_OPTION_INVALID"];

async function reload(subject: AdminSubject, name: string): Promise<void> {
  const { reloadTls: loaders, work, actionTimeoutMs } = subject;
  const load = loaders.get(name) as NonNullable<ReturnType<typeof loaders.get>>;
  const what = "the load of the certificates";
  const tls = await work.run(what, actionTimeoutMs, (signal) => load({ signal }));
  // Looked up now: it may have been restarted meanwhile.
  const { listeners = {} } = subject;
  const listener = Object.hasOwn(listeners, name) ? listeners[name] : undefined;
  if (listener?.reloadTls === undefined || listener.state === "closed") {
    throw new AdminProblem({ status: 409, detail: "there is no such listener with TLS now" });
  }
  try {
    listener.reloadTls(tls as ListenTlsOptions);
  } catch (error) {
    // Their messages name what is wrong, and never quote a key.
    if (!refusals.some((code) => KingError.is(error, code))) throw error;
    const { code, message } = error as KingError;
    throw new AdminProblem({ status: 422, detail: message, extensions: { code } });
  }
}
