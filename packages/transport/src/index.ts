export type { AccessEvent } from "./access-event.ts";
export type { Alternative } from "./client/alt-svc.ts";
export type { ConnectionOptions } from "./client/connection-options.ts";
export type { ExchangeOptions } from "./client/exchange-options.ts";
export {
  type ClientRequestOptions,
  type CreateHttpClientOptions,
  createHttpClient,
  type HttpClient,
  type HttpClientStats,
} from "./client/http-client.ts";
export type { HttpClientResponse } from "./client/http-client-response.ts";
export type { HttpClientStream } from "./client/http-client-stream.ts";
export { type OpenHttpSessionOptions, openHttpSession } from "./client/open-http-session.ts";
export type { CircuitState } from "./client/policies/circuit.ts";
export type { CircuitBreakerOptions, CircuitEvent } from "./client/policies/circuit-breaker.ts";
export type { HedgeOptions } from "./client/policies/hedge.ts";
export type { ExchangePolicyOptions, PolicyOptions } from "./client/policies/policies.ts";
export type { RedirectOptions } from "./client/policies/redirects.ts";
export {
  type ManyOutcome,
  type ManyRequest,
  type RequestManyOptions,
  requestMany,
} from "./client/policies/request-many.ts";
export type { RetryOptions } from "./client/policies/retry.ts";
export type { ClientProtocol } from "./client/protocols.ts";
export type { RequestBody } from "./client/request-body.ts";
export type { HttpClientSession, SessionRequestOptions } from "./client/streaming-session.ts";
export type { SessionUpgradeOptions, UpgradedRequest } from "./client/upgrade.ts";
export { httpSection, poolSection, requestSection, tlsSection } from "./config.ts";
export type { AddressGuardOptions } from "./dial/address-guard.ts";
export type { Connector } from "./dial/connector.ts";
export type { ProxyOptions } from "./dial/proxy.ts";
export type { Resolver } from "./dial/resolver.ts";
export { type HttpPhase, httpErrors } from "./errors.ts";
export { toRequest } from "./fetch/exchange-request.ts";
export { type FetchContext, type FromFetchOptions, fromFetch } from "./fetch/from-fetch.ts";
export { type ReplyBody, type ReplyInit, reply, replyJson } from "./fetch/reply.ts";
export { respondFetch } from "./fetch/respond-fetch.ts";
export { type FrameOptions, readFrames, writeFrame } from "./framing/frames.ts";
export {
  type LineEncoding,
  type ReadLinesOptions,
  readLines,
  type WriteLineOptions,
  writeLine,
} from "./framing/lines.ts";
export { createHttpComponent, type HttpComponentOptions } from "./http-component.ts";
export type { HttpListener } from "./http-listener.ts";
export { type ListenHttpOptions, listenHttp } from "./listen-http.ts";
export { type NetPhase, netErrors, type TlsFailure } from "./net-errors.ts";
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
export {
  type ConnectTcpOptions,
  type ConnectTcpTlsOptions,
  connectTcp,
} from "./tcp/connect-tcp.ts";
export { type ListenTcpOptions, listenTcp } from "./tcp/listen-tcp.ts";
export { createTcpComponent, type TcpComponentOptions } from "./tcp/tcp-component.ts";
export type { TcpHandler, TcpListener } from "./tcp/tcp-listener.ts";
export { tcpSection } from "./tcp/tcp-section.ts";
export type { TcpSession } from "./tcp/tcp-session.ts";
export type { ListenTcpTlsOptions } from "./tcp/tcp-tls.ts";
export type { TlsCertificate } from "./tls/certificate.ts";
export type { ClientTlsOptions } from "./tls/client-tls.ts";
export type { ListenTlsOptions } from "./tls/listener-tls.ts";
export { createTicketStore, type TicketStoreOptions } from "./tls/ticket-store.ts";
export { type ConnectUdpOptions, connectUdp } from "./udp/connect-udp.ts";
export { type ListenUdpOptions, listenUdp } from "./udp/listen-udp.ts";
export { createUdpComponent, type UdpComponentOptions } from "./udp/udp-component.ts";
export type { UdpHandler, UdpListener, UdpListenerStats } from "./udp/udp-listener.ts";
export { udpSection } from "./udp/udp-section.ts";
export type { UdpSession, UdpSessionStats } from "./udp/udp-session.ts";
