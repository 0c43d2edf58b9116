import {
  type Component,
  createSystem,
  defineConfig,
  type HasSection,
  type Listener,
  type System,
} from "@king-runtime/core";
import { type ObjectStore, objectstoreSection, openObjectStore } from "@king-runtime/objectstore";
import { createRealtime, type Realtime, realtimeSection } from "@king-runtime/realtime";
import {
  httpSection,
  type ListenTlsOptions,
  listenHttp,
  tlsSection,
} from "@king-runtime/transport";
import { createApplication } from "./application.ts";
import { createHostCheck } from "./hosts.ts";
import { checkLimits } from "./limits.ts";

/** Every section of the planes that bucket-watch is made of. */
export const planeSections = [
  httpSection,
  tlsSection,
  objectstoreSection,
  realtimeSection,
] as const;

/** Options of {@link createServer}. */
export interface CreateServerOptions {
  /** Folder of the store, made if need be. */
  readonly storagePath: string;
  /** @default "127.0.0.1" */
  readonly host?: string;
  /** @default 0, which takes a free one */
  readonly port?: number;
  /**
   * Hosts that are answered beside those of loopback, without scheme and port. With none, on an
   * address beyond loopback, any is. @default []
   */
  readonly allowedHosts?: readonly string[];
  /** With it HTTP/2 and HTTP/1.1 over TLS. */
  readonly tls?: ListenTlsOptions;
  readonly config?: HasSection<typeof httpSection> &
    HasSection<typeof tlsSection> &
    HasSection<typeof objectstoreSection> &
    HasSection<typeof realtimeSection>;
  /** Told of what is wrong on our side. @default console.error */
  readonly onHandlerError?: (error: unknown) => void;
}

/** Bucket-watch as a system of three components: objects, channels, web. */
export interface Server {
  readonly system: System;
  /** Set while the system is started. */
  readonly store: ObjectStore;
  readonly listener: Listener;
  readonly realtime: Realtime;
  /** Such as `"http://127.0.0.1:8080"`. */
  readonly origin: string;
}

/**
 * Puts the planes together; nothing is opened until the system starts.
 *
 * @throws {KingError} KING_CONFIG_INVALID when `allowedHosts` has what is no host, or when a limit is
 * below what announcing an upload may need.
 */
export function createServer(options: CreateServerOptions): Server {
  const {
    storagePath,
    host = "127.0.0.1",
    port = 0,
    allowedHosts = [],
    tls,
    onHandlerError,
  } = options;
  const config = options.config === undefined ? {} : { config: options.config };
  let store: ObjectStore | undefined;
  let listener: Listener | undefined;
  const sections = options.config ?? defineConfig({ sections: planeSections });
  const { maxKeyBytes } = sections.section(objectstoreSection);
  checkLimits(sections.section(realtimeSection), maxKeyBytes);
  const answersTo = createHostCheck({
    allowedHosts,
    boundTo: () => listener?.local.address ?? host,
  });
  const realtime = createRealtime(config);

  const objects: Component = {
    name: "objects",
    async start() {
      store = await openObjectStore({ root: storagePath, ...config });
    },
    stop: () => store?.close(),
    stats: () => ({ ...store?.stats() }),
  };
  const web: Component = {
    name: "web",
    dependsOn: ["objects", "channels"],
    async start() {
      listener = await listenHttp({
        handler: createApplication({ store: present(store), realtime, answersTo }),
        host,
        port,
        ...config,
        ...(tls !== undefined && { tls }),
        ...(onHandlerError !== undefined && { onHandlerError }),
      });
    },
    drain: ({ deadlineMs, signal }) => listener?.close({ deadlineMs, signal }),
    // Of a closed one only watchers are left, whom the channels tell to go.
    stop() {
      if (listener?.state !== "closed") listener?.abort();
    },
    stats: () => ({ ...listener?.stats() }),
  };
  const channels = realtime.component({ name: "channels" });

  return {
    system: createSystem({ components: [objects, channels, web] }),
    realtime,
    get store() {
      return present(store);
    },
    get listener() {
      return present(listener);
    },
    get origin() {
      const { address, family, port: bound } = present(listener).local;
      const name = family === "IPv6" ? `[${address}]` : address;
      return `${tls === undefined ? "http" : "https"}://${name}:${bound}`;
    },
  };
}

function present<T>(value: T | undefined): T {
  if (value === undefined) throw new Error("expected a started server");
  return value;
}
