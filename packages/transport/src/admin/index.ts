export type { AdminAuth, AdminCaller, AdminClientCertificates } from "./admin-caller.ts";
export type { AdminAction, AdminEvent } from "./admin-event.ts";
export { type AdminHandler, createAdminHandler } from "./admin-handler.ts";
export type { AdminListener, AdminOptions, LoadTls } from "./admin-options.ts";
export { type ListenAdminOptions, listenAdmin } from "./listen-admin.ts";
