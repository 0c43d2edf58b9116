export { httpSection, requestSection, tlsSection } from "./config.ts";
export { type HttpPhase, httpErrors } from "./errors.ts";
export { fromFetch, respondFetch, toRequest } from "./fetch-handler.ts";
export { createHttpComponent, type HttpComponentOptions } from "./http-component.ts";
export { type ListenHttpOptions, type ListenTlsOptions, listenHttp } from "./listen-http.ts";
export { nodeDuplex } from "./node-duplex.ts";
export { type Problem, respondProblem } from "./problem.ts";
export {
  type RequestBody,
  type RequestOptions,
  type RequestTlsOptions,
  request,
} from "./request.ts";
