import { type Channel, channel } from "node:diagnostics_channel";

/** What is published on `king:objectstore:<event>`, by event. */
export interface ObjectStoreEvents {
  /** The store is open. */
  open: {
    store: string;
    root: string;
    objects: number;
    bytes: number;
    removedTemporaryFiles: number;
  };
  /** An object was stored durably. */
  put: { store: string; key: string; size: number; sha256: string; replaced: boolean };
  /** An object was deleted durably. */
  delete: { store: string; key: string; size: number };
  /** The file of an object is damaged: `get` and `head` fail, `list` leaves it out. */
  corrupt: { store: string; key: string; error: unknown };
  /** A temporary file could not be removed; the next opening tries again. */
  leftover: { store: string; key: string; error: unknown };
  /** The store is closed. */
  close: { store: string; clean: boolean };
}

/** Publishes the events of one store; costs a look at a flag while nobody listens. */
export class Diagnostics {
  readonly #store: string;
  readonly #channels = {
    open: channel("king:objectstore:open"),
    put: channel("king:objectstore:put"),
    delete: channel("king:objectstore:delete"),
    corrupt: channel("king:objectstore:corrupt"),
    leftover: channel("king:objectstore:leftover"),
    close: channel("king:objectstore:close"),
  } satisfies Record<keyof ObjectStoreEvents, Channel>;

  constructor(store: string) {
    this.#store = store;
  }

  publish<Event extends keyof ObjectStoreEvents>(
    event: Event,
    message: Omit<ObjectStoreEvents[Event], "store">,
  ): void {
    const target = this.#channels[event];
    if (target.hasSubscribers) target.publish({ store: this.#store, ...message });
  }
}
