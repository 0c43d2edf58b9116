import { type Component, checkObject } from "@king-runtime/core";
import { type ListenerComponentOptions, listenerComponent } from "../listener-component.ts";
import { type ListenUdpOptions, listenUdp } from "./listen-udp.ts";
import type { UdpListener } from "./udp-listener.ts";

/** Options of {@link createUdpComponent}. */
export interface UdpComponentOptions
  extends ListenUdpOptions,
    ListenerComponentOptions<UdpListener> {
  /** @default "udp" */
  name?: string;
}

/** A UDP listener as a component of a system: it opens when the system starts, and drains with it. */
export function createUdpComponent(options: UdpComponentOptions): Component {
  checkObject("options", options);
  const { name = "udp", dependsOn, onListening, ...listenOptions } = options;
  return listenerComponent(name, { dependsOn, onListening }, () => listenUdp(listenOptions));
}
