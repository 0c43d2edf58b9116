/**
 * King for TypeScript: core, and the wiring of a system. Each plane is a subpath, such as
 * `king-runtime/transport`, so that a program loads what it uses.
 *
 * @packageDocumentation
 */
export * from "@king-runtime/core";
export { type CreateKingOptions, createKing, type King } from "./create-king.ts";
