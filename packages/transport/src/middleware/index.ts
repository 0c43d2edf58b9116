export {
  type BasicAuthOptions,
  type BasicCredentials,
  basicAuth,
  matchUsers,
  type VerifyBasic,
} from "./basic-auth.ts";
export { type BearerAuthOptions, bearerAuth } from "./bearer-auth.ts";
export { type CompressOptions, type ContentCoding, compress } from "./compress.ts";
export { type CorsOptions, cors } from "./cors.ts";
export { identityOf } from "./identity.ts";
export { type LimitBodyOptions, limitBody } from "./limit-body.ts";
export { type Middleware, type RestHandler, stack } from "./middleware.ts";
export { type RateLimitOptions, rateLimit } from "./rate-limit.ts";
export { sameSecret } from "./same-secret.ts";
export { type SecurityHeadersOptions, securityHeaders } from "./security-headers.ts";
export { type ServeFilesOptions, serveFiles } from "./serve-files.ts";
