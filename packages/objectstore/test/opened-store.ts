import {
  type ObjectStore,
  type OpenObjectStoreOptions,
  openObjectStore,
} from "@king-runtime/objectstore";
import { temporaryFolder } from "@king-runtime/testkit";

/** A store in a folder of its own; disposing closes the one and removes the other. */
export interface OpenedStore extends AsyncDisposable {
  readonly store: ObjectStore;
  readonly root: string;
  /** Closes the store and opens its folder again. */
  reopen(options?: Partial<OpenObjectStoreOptions>): Promise<ObjectStore>;
}

export async function openedStore(
  options: Partial<OpenObjectStoreOptions> = {},
): Promise<OpenedStore> {
  const folder = await temporaryFolder("king-objectstore");
  const root = folder.join("root");
  let store = await openObjectStore({ root, ...options });
  return {
    get store() {
      return store;
    },
    root,
    async reopen(changed = options) {
      await store.close();
      store = await openObjectStore({ root, ...changed });
      return store;
    },
    async [Symbol.asyncDispose]() {
      store.abort();
      await store.closed;
      await folder[Symbol.asyncDispose]();
    },
  };
}
