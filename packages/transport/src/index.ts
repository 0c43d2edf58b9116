export type { AccessEvent } from "./access-event.ts";
export { httpSection, requestSection, tlsSection } from "./config.ts";
export { type HttpPhase, httpErrors } from "./errors.ts";
export { toRequest } from "./fetch/exchange-request.ts";
export { type FetchContext, type FromFetchOptions, fromFetch } from "./fetch/from-fetch.ts";
export { type ReplyBody, type ReplyInit, reply, replyJson } from "./fetch/reply.ts";
export { respondFetch } from "./fetch/respond-fetch.ts";
export { createHttpComponent, type HttpComponentOptions } from "./http-component.ts";
export type { HttpListener } from "./http-listener.ts";
export { type ListenHttpOptions, listenHttp } from "./listen-http.ts";
export { nodeDuplex } from "./node-duplex.ts";
export { fromNode, type NodeRequestListener } from "./node-handler.ts";
export { type Problem, respondProblem } from "./problem.ts";
export {
  type RequestBody,
  type RequestOptions,
  type RequestTlsOptions,
  request,
} from "./request.ts";
export {
  createFetchRouter,
  type FetchRouteHandler,
  type FetchRouterOptions,
} from "./router/fetch-router.ts";
export type { RouteParams } from "./router/route-params.ts";
export {
  createRouter,
  type RouteHandler,
  type RouterOptions,
  type UpgradeExchange,
} from "./router/router.ts";
export type { TlsCertificate } from "./tls/certificate.ts";
export type { ListenTlsOptions } from "./tls/listener-tls.ts";
