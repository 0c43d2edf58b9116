/**
 * A durable object store on the local file system.
 *
 * @packageDocumentation
 */
export { objectstoreSection } from "./config.ts";
export type { ObjectStoreEvents } from "./diagnostics.ts";
export { type IoDetails, objectstoreErrors } from "./errors.ts";
export type { Awaitable, FileLock, FileStatus, FileSystem, FolderEntry } from "./file-system.ts";
export { nodeFileSystem } from "./node-file-system.ts";
export {
  type ObjectStore,
  type ObjectStoreStats,
  type OpenObjectStoreOptions,
  openObjectStore,
} from "./object-store.ts";
