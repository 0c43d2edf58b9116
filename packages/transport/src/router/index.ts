export {
  createFetchRouter,
  type FetchRouteHandler,
  type FetchRouterOptions,
} from "./fetch-router.ts";
export type { RouteParams } from "./route-params.ts";
export {
  createRouter,
  type RouteHandler,
  type RouterOptions,
  type UpgradeExchange,
} from "./router.ts";
