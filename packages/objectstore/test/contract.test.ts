import { testBlobStore } from "@king-runtime/testkit";
import { openedStore } from "./opened-store.ts";

testBlobStore({ name: "objectstore", open: () => openedStore() });
testBlobStore({
  name: "objectstore with the smallest chunks and one write at a time",
  open: () => openedStore({ chunkBytes: 1_024, maxConcurrentWrites: 1 }),
});
