import { type Component, checkObject } from "@king-runtime/core";
import type { HttpListener } from "./http-listener.ts";
import { type ListenHttpOptions, listenHttp } from "./listen-http.ts";
import { type ListenerComponentOptions, listenerComponent } from "./listener-component.ts";

/** Options of {@link createHttpComponent}. */
export interface HttpComponentOptions
  extends ListenHttpOptions,
    ListenerComponentOptions<HttpListener> {
  /** @default "http" */
  name?: string;
}

/**
 * A listener as a component of a system: it opens when the system starts, and drains with it, so
 * that requests under way are finished while what they need is still there.
 */
export function createHttpComponent(options: HttpComponentOptions): Component {
  checkObject("options", options);
  const { name = "http", dependsOn, onListening, ...listenOptions } = options;
  return listenerComponent(name, { dependsOn, onListening }, () => listenHttp(listenOptions));
}
