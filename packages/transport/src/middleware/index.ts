export { type CompressOptions, type ContentCoding, compress } from "./compress.ts";
export { type CorsOptions, cors } from "./cors.ts";
export { identityOf } from "./identity.ts";
export { type LimitBodyOptions, limitBody } from "./limit-body.ts";
export { type Middleware, type RestHandler, stack } from "./middleware.ts";
export { type RateLimitOptions, rateLimit } from "./rate-limit.ts";
export { type SecurityHeadersOptions, securityHeaders } from "./security-headers.ts";
