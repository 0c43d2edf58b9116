export type { AccessEvent } from "./access-event.ts";
export type { ConnectionOptions } from "./client/connection-options.ts";
export type { ExchangeOptions } from "./client/exchange-options.ts";
export {
  type CreateHttpClientOptions,
  createHttpClient,
  type HttpClient,
  type HttpClientStats,
} from "./client/http-client.ts";
export type { HttpClientResponse } from "./client/http-client-response.ts";
export type { HttpClientStream } from "./client/http-client-stream.ts";
export { type OpenHttpSessionOptions, openHttpSession } from "./client/open-http-session.ts";
export type { ClientProtocol } from "./client/protocols.ts";
export type { RequestBody } from "./client/request-body.ts";
export type { HttpClientSession, SessionRequestOptions } from "./client/streaming-session.ts";
export { httpSection, poolSection, requestSection, tlsSection } from "./config.ts";
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
export { type RequestOptions, request } from "./request.ts";
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
