import { type Component, checkObject } from "@king-runtime/core";
import { type ListenerComponentOptions, listenerComponent } from "../listener-component.ts";
import { type ListenTcpOptions, listenTcp } from "./listen-tcp.ts";
import type { TcpListener } from "./tcp-listener.ts";

/** Options of {@link createTcpComponent}. */
export interface TcpComponentOptions
  extends ListenTcpOptions,
    ListenerComponentOptions<TcpListener> {
  /** @default "tcp" */
  name?: string;
}

/** A TCP listener as a component of a system: it opens when the system starts, and drains with it. */
export function createTcpComponent(options: TcpComponentOptions): Component {
  checkObject("options", options);
  const { name = "tcp", dependsOn, onListening, ...listenOptions } = options;
  return listenerComponent(name, { dependsOn, onListening }, () => listenTcp(listenOptions));
}
